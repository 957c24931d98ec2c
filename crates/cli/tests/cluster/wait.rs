//! `--wait`: what is printed while a Pod starts. kwok plays the kubelet; tools/cluster/pods.yaml says how Pods behave.

use crate::harness::Place;

const POD: &str = "pod/clearml-id-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

#[test]
fn a_running_or_succeeded_pod_is_success() {
    let place = Place::new("runs");
    let ran = place.apply("labelled", &["--wait=60s"]).fine();
    assert_eq!(ran.stdout, format!("{POD} created\n{POD} running\n"));
    let place = Place::new("ends");
    let ran = place.apply("life-ends", &["--wait"]).fine();
    assert!(ran.stdout.ends_with("running\n") || ran.stdout.ends_with("succeeded\n"), "{}", ran.stdout);
}

#[test]
fn a_failed_pod_is_reported_with_its_reason() {
    let place = Place::new("breaks");
    place.apply("life-breaks", &[]).fine();
    place.until("the failure", || place.get(&place.pod()).unwrap()["status"]["phase"] == "Failed");
    place.apply("life-breaks", &["--wait"]).refused(1, &["error[pod-failed]", "exited with code 137 (OOMKilled)"]);
    assert!(place.get(&place.pod()).is_ok(), "the Pod must stay, so that it can be inspected");
}

#[test]
fn a_missing_image_is_reported_at_once() {
    let place = Place::new("image");
    place.apply("life-no-image", &["--wait=60s"]).refused(1, &["error[pod-failed]", "ImagePullBackOff"]);
}

#[test]
fn an_unschedulable_pod_is_reported_after_the_timeout() {
    let place = Place::new("nowhere");
    let words = ["error[wait-timeout]", "hasn't started within 2 s", "can't be scheduled", "0/1 nodes are available"];
    place.apply("life-unschedulable", &["--wait=2s"]).refused(1, &words);
}

#[test]
fn wait_and_dry_run_exclude_each_other() {
    let place = Place::new("both");
    place.apply("labelled", &["--wait", "--dry-run=server"]).refused(2, &["error[usage]"]);
}
