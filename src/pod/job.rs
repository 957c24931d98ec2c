//! A Job instead of a bare Pod, for values with `taskAsJob`
//! ([Job](https://kubernetes.io/docs/concepts/workloads/controllers/job/)).

use crate::edit::{Pointer, Step};
use serde_json::{Map, Value, json};

/// The Job that creates a Pod: it has the Pod's name, namespace and labels, and no retries. A value that isn't an object is
/// returned unchanged.
pub fn of_pod(pod: Value) -> Value {
    let Value::Object(mut pod) = pod else { return pod };
    let metadata = match pod.shift_remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let (mut own, mut inner) = (Map::new(), Map::new());
    for (key, value) in metadata {
        match key.as_str() {
            // A Job names its Pods itself, in its own namespace.
            "name" | "namespace" => drop(own.insert(key, value)),
            "labels" => {
                own.insert(key.clone(), value.clone());
                inner.insert(key, value);
            }
            _ => drop(inner.insert(key, value)),
        }
    }
    pod.shift_remove("apiVersion");
    pod.shift_remove("kind");
    let mut template = Map::new();
    template.insert("metadata".to_owned(), Value::Object(inner));
    template.append(&mut pod);
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": own,
        "spec": {"backoffLimit": 0, "template": template},
    })
}

/// The place in the Pod that corresponds to a place in its Job.
pub fn place_in_pod(at: &Pointer) -> Pointer {
    match at.steps() {
        [Step::Key(spec), Step::Key(template), rest @ ..] if spec == "spec" && template == "template" => {
            Pointer::from(rest)
        }
        _ => at.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_takes_over_the_pods_fields() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "ml", "labels": {"l": "1"}, "annotations": {"x": "y"}},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]},
        });
        let wanted = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a", "namespace": "ml", "labels": {"l": "1"}},
            "spec": {"backoffLimit": 0, "template": {
                "metadata": {"labels": {"l": "1"}, "annotations": {"x": "y"}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]},
            }},
        });
        assert_eq!(of_pod(pod), wanted);
        assert_eq!(of_pod(json!([1])), json!([1]));
    }

    #[test]
    fn places_in_a_job_map_to_places_in_its_pod() {
        let image = Pointer::of(["spec", "containers"]).child(0).child("image");
        let in_job = Pointer::of(["spec", "template", "spec", "containers"]).child(0).child("image");
        assert_eq!(place_in_pod(&in_job), image);
        assert_eq!(place_in_pod(&image), image);
    }
}
