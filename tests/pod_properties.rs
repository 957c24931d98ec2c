//! For any input: no panic, and a refused or undone patch leaves the Pod unchanged.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use podrules::edit::{Editor, Pointer};
use podrules::pod::check::check;
use podrules::pod::quantity::Quantity;
use podrules::pod::strategic::strategic_merge;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Values assembled from words with a meaning in a Pod, so that they reach the checks.
fn value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "name",
        "a",
        "b",
        "Always",
        "Exists",
        "1",
        "1Gi",
        "/x",
        "..",
        "",
        "x.io/y",
        "replace",
        "delete",
        "metadata.labels['a']",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "spec",
        "metadata",
        "name",
        "labels",
        "annotations",
        "containers",
        "initContainers",
        "volumes",
        "env",
        "valueFrom",
        "fieldRef",
        "fieldPath",
        "ports",
        "containerPort",
        "hostPort",
        "volumeMounts",
        "mountPath",
        "resources",
        "limits",
        "requests",
        "cpu",
        "nvidia.com/gpu",
        "securityContext",
        "tolerations",
        "key",
        "operator",
        "affinity",
        "nodeAffinity",
        "emptyDir",
        "projected",
        "sources",
        "finalizers",
        "$patch",
        "$retainKeys",
        "$setElementOrder/env",
        "$setElementOrder/containers",
        "$deleteFromPrimitiveList/finalizers",
        "livenessProbe",
        "httpGet",
        "port",
        "x",
    ]);
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|fields| fields
                .into_iter()
                .map(|(k, v)| (k.to_string(), v))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

fn pod() -> Value {
    json!({"metadata": {"name": "p", "finalizers": ["a/b"]}, "spec": {
        "containers": [{"name": "a", "image": "i", "env": [{"name": "a", "value": "1"}, {"name": "b"}], "ports": [{"containerPort": 1}]},
                       {"name": "b", "image": "i"}],
        "volumes": [{"name": "a", "emptyDir": {}}], "tolerations": [{"key": "a"}]}})
}

proptest! {
    #[test]
    fn the_check_accepts_any_value(value in value(), place in 0usize..6) {
        let mut pod = pod();
        match place {
            0 => pod = value,
            1 => pod["spec"] = value,
            2 => pod["metadata"] = value,
            3 => pod["spec"]["containers"][0] = value,
            4 => pod["spec"]["volumes"][0] = value,
            _ => pod["spec"]["containers"][0]["env"] = value,
        }
        check(&pod);
    }

    #[test]
    fn patches_can_be_undone(value in value(), place in 0usize..4) {
        let patch = match place {
            0 => value,
            1 => json!({"spec": value}),
            2 => json!({"spec": {"containers": [{"name": "a", "env": value}]}}),
            _ => json!({"spec": {"containers": value}}),
        };
        let mut editor = Editor::new(pod());
        if strategic_merge(&mut editor, &Pointer::root(), &patch).is_err() {
            prop_assert_eq!(editor.log().len(), 0);
        }
        editor.rollback(0);
        prop_assert_eq!(editor.root().to_string(), pod().to_string());
    }

    #[test]
    fn a_quantity_keeps_its_value_when_printed(text in "[-+]?[0-9]{0,25}(\\.[0-9]{0,12})?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][-+]?[0-9]{1,4})?|\\PC{0,6}") {
        if let Ok(quantity) = Quantity::parse(&text) {
            let again = Quantity::parse(&quantity.to_string());
            // Fractions can't be written in binary units, so they are rounded up.
            prop_assert!(again.is_ok_and(|again| again == quantity || again.units() == quantity.units()), "{text} {quantity}");
        }
    }
}
