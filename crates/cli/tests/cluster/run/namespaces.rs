//! Pods in namespaces other than the agent's.

use super::super::harness::Place;
use super::agent::Agent;
use serde_json::json;

#[test]
fn pods_in_all_namespaces_are_observed() {
    let place = Place::new("all");
    let other = Place::new("all-other");
    let rules = format!(
        "  - name: elsewhere\n    queues: [others]\n    do:\n      - set: {{path: $.metadata.namespace, value: {}}}\n      \
         - addAnnotations: {{annotations: {{podrules.io/life: ends}}}}\n",
        other.namespace
    );
    let all = json!([{"name": "CLEARML_K8S_GLUE_MONITOR_ALL_NAMESPACES", "value": "1"}]);
    let mut agent =
        Agent::new(&place).values(&json!({"extraEnvs": all})).more_rules(&rules).with(&["--keep-finished", "2s"]);
    agent.start();
    agent.task("others", "away");
    agent.task("ends", "home");
    agent.until("others", "away", "completed");
    agent.until("ends", "home", "completed");
    for place in [&place, &other] {
        place.until("the Pod's removal", || place.names(&place.core("pods")).is_empty());
    }
}
