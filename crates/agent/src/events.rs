//! Events on Pods that name the rules that were applied ([Event](https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/)).
//!
//! They are written one after another, with a pause in between, so that no launch waits for one.

use super::metrics::Metrics;
use super::workload::Kind;
use jiff::Timestamp;
use podrules::diagnostic::render::printable_line;
use podrules::text::shortened_bytes;
use podrules_cluster::{Cluster, MANAGER, post};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Events that may wait to be written. Any more are dropped, and counted.
pub const MAX_WAITING: usize = 2_000;
/// The pause between two Events.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes of a note; Kubernetes allows 1 kB.
const MAX_NOTE: usize = 1_000;

/// An Event to write: the rules that were applied to a Pod.
#[derive(Debug)]
pub struct Notice {
    /// Whether it is about a Pod or a Job.
    pub kind: Kind,
    /// The namespace of the Pod or Job.
    pub namespace: SmolStr,
    /// The name of the Pod or Job.
    pub name: SmolStr,
    /// The uid of the Pod or Job.
    pub uid: SmolStr,
    /// The names of the rules, in order.
    pub rules: Vec<String>,
}

/// Writes the Events that it receives, until the sender is dropped.
pub async fn write(cluster: Arc<Cluster>, instance: String, mut notices: Receiver<Notice>, metrics: Metrics) {
    while let Some(notice) = notices.recv().await {
        let url = format!("/apis/events.k8s.io/v1/namespaces/{}/events", notice.namespace);
        if let Err(trouble) = post(&cluster, &url, &event(&notice, &instance, Timestamp::now())).await {
            metrics.events_dropped();
            tracing::debug!(pod = %notice.name, "could not write Event: {}", printable_line(&trouble.message));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn event(notice: &Notice, instance: &str, now: Timestamp) -> Value {
    let rules: Vec<_> = notice.rules.iter().map(|rule| printable_line(rule)).collect();
    let note = match &rules[..] {
        [one] => format!("rule {one} applied"),
        several => format!("rules {} applied", several.join(", ")),
    };
    let note = shortened_bytes(note, MAX_NOTE);
    let (version, kind) = match notice.kind {
        Kind::Pod => ("v1", "Pod"),
        Kind::Job => ("batch/v1", "Job"),
    };
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": format!("{}.{:x}", notice.name, now.as_nanosecond()), "namespace": notice.namespace.as_str()},
        "eventTime": format!("{now:.6}"), "type": "Normal", "reason": "RulesApplied", "action": "Launch", "note": note,
        "reportingController": format!("podrules.io/{MANAGER}"), "reportingInstance": instance,
        "regarding": {
            "apiVersion": version, "kind": kind, "namespace": notice.namespace.as_str(), "name": notice.name.as_str(),
            "uid": notice.uid.as_str(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(rules: &[&str]) -> String {
        let notice = Notice {
            kind: Kind::Pod,
            namespace: "n".into(),
            name: "p".into(),
            uid: "u".into(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        event(&notice, "i", Timestamp::UNIX_EPOCH)["note"].as_str().unwrap_or("").to_owned()
    }

    #[test]
    fn the_note_lists_the_rules_and_is_bounded() {
        assert_eq!(note(&["nfs-home"]), "rule nfs-home applied");
        assert_eq!(note(&["a", "b\nc"]), "rules a, b␊c applied");
        let long = note(&["ä".repeat(400).as_str(), "ö".repeat(400).as_str()]);
        assert!(long.len() <= 1_024 && long.ends_with('…'));
    }
}
