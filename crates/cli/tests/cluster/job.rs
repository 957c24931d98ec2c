//! `taskAsJob: true`: a Job instead of a Pod.

use crate::harness::{Place, Ran, TASK};
use serde_json::{Value, json};

const NAME: &str = "clearml-id-0a1b2c3d4e5f60718293a4b5c6d7e8f9";

fn job(place: &Place) -> String {
    format!("/apis/batch/v1/namespaces/{}/jobs/{NAME}", place.namespace)
}

fn pods(place: &Place) -> Vec<Value> {
    let list = place.get(&place.core(&format!("pods?labelSelector=batch.kubernetes.io%2Fjob-name%3D{NAME}"))).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn apply(place: &Place, case: &str, more: &[&str]) -> Ran {
    place.apply(case, more)
}

#[test]
fn a_job_creates_the_pod_and_owns_the_companions() {
    let place = Place::new("job");
    let ran = apply(&place, "job", &["--wait=60s"]).fine();
    assert!(
        ran.stdout.starts_with(&format!("configmap/{NAME} created\njob.batch/{NAME} created\njob.batch/{NAME} ")),
        "{}",
        ran.stdout
    );
    let made = place.get(&job(&place)).unwrap();
    assert_eq!(made["spec"]["backoffLimit"], 0);
    assert_eq!(made["metadata"]["labels"]["podrules.io/task-id"], TASK);
    assert_eq!(made["metadata"]["labels"]["team"], "vision");
    let pods = pods(&place);
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0]["metadata"]["labels"]["team"], "vision");
    assert_eq!(pods[0]["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"], "false");
    let map = place.core(&format!("configmaps/{NAME}"));
    let owner = json!([{"apiVersion": "batch/v1", "kind": "Job", "name": NAME, "uid": made["metadata"]["uid"]}]);
    assert_eq!(place.get(&map).unwrap()["metadata"]["ownerReferences"], owner);
    place.delete(&format!("{}?propagationPolicy=Background", job(&place))).unwrap();
    place.until("everything to be removed", || place.get(&map).is_err());
}

#[test]
fn applying_a_job_twice_changes_nothing() {
    let place = Place::new("job-twice");
    apply(&place, "job", &[]).fine();
    // The Job controller updates it at its own pace.
    place.until("the Job's Pod", || {
        place.get(&job(&place)).unwrap()["status"]["active"] == 1 || !pods(&place).is_empty()
    });
    let uid = place.get(&job(&place)).unwrap()["metadata"]["uid"].clone();
    apply(&place, "job", &[]).fine();
    assert_eq!(place.get(&job(&place)).unwrap()["metadata"]["uid"], uid);
    assert_eq!(pods(&place).len(), 1);
}

#[test]
fn the_state_of_its_pod_is_reported() {
    let place = Place::new("job-image");
    apply(&place, "job-no-image", &["--wait=60s"]).refused(1, &["error[pod-failed]", "ImagePullBackOff"]);
}
