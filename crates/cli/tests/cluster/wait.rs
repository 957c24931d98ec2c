//! `--wait`: what is told of a Pod's first steps. kwok plays the kubelet; tools/cluster/pods.yaml has the lives.

use crate::harness::Place;

const POD: &str = "pod/clearml-id-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

#[test]
fn a_pod_that_runs_or_has_ended_well_is_success() {
    let place = Place::new("runs");
    let ran = place.apply("labelled", &["--wait=60s"]).fine();
    assert_eq!(ran.stdout, format!("{POD} created\n{POD} running\n"));
    let place = Place::new("ends");
    let ran = place.apply("life-ends", &["--wait"]).fine();
    assert!(ran.stdout.ends_with("running\n") || ran.stdout.ends_with("succeeded\n"), "{}", ran.stdout);
}

#[test]
fn a_pod_that_fails_is_told_with_its_reason() {
    let place = Place::new("breaks");
    place.apply("life-breaks", &[]).fine();
    place.until("the failure", || place.get(&place.pod()).unwrap()["status"]["phase"] == "Failed");
    place.apply("life-breaks", &["--wait"]).refused(1, &["error[pod-failed]", "exited with code 137 (OOMKilled)"]);
    assert!(place.get(&place.pod()).is_ok(), "the Pod stays, for people to look at");
}

#[test]
fn a_pod_without_its_image_is_told_at_once() {
    let place = Place::new("image");
    place.apply("life-no-image", &["--wait=60s"]).refused(1, &["error[pod-failed]", "ImagePullBackOff"]);
}

#[test]
fn a_pod_that_no_node_takes_is_told_when_the_time_is_over() {
    let place = Place::new("nowhere");
    let words = ["error[wait-timeout]", "hasn't started within 2 s", "can't be scheduled", "0/1 nodes are available"];
    place.apply("life-unschedulable", &["--wait=2s"]).refused(1, &words);
}

#[test]
fn waiting_and_a_dry_run_exclude_each_other() {
    let place = Place::new("both");
    place.apply("labelled", &["--wait", "--dry-run=server"]).refused(2, &["error[usage]"]);
}
