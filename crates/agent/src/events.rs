//! Events on Pods that tell which rules made them ([Event](https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/)).
//!
//! They are written when there is time, one after another and no faster than the cluster can bear, so that no launch waits for one.

use super::metrics::Metrics;
use super::unit::Kind;
use jiff::Timestamp;
use podrules::diagnostic::render::printable_line;
use podrules::text::shortened_bytes;
use podrules_cluster::{Cluster, MANAGER, post};
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Notices that wait to be written; beyond them the newest are dropped, and counted.
pub const MOST: usize = 2_000;
/// The pause between two.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes of a note, which Kubernetes bounds at 1 kB.
const LONGEST: usize = 1_000;

/// Rules that made a Pod.
#[derive(Debug)]
pub struct Notice {
    /// What it is about.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: SmolStr,
    /// Its name.
    pub name: SmolStr,
    /// Its uid.
    pub uid: SmolStr,
    /// The rules, in order.
    pub rules: Vec<String>,
}

/// Writes what it is sent, until the sender has gone.
pub async fn write(cluster: Arc<Cluster>, instance: String, mut notices: Receiver<Notice>, metrics: Metrics) {
    while let Some(notice) = notices.recv().await {
        let url = format!("/apis/events.k8s.io/v1/namespaces/{}/events", notice.namespace);
        if let Err(trouble) = post(&cluster, &url, &event(&notice, &instance, Timestamp::now())).await {
            metrics.events_dropped();
            tracing::debug!(pod = %notice.name, "no event: {}", printable_line(&trouble.message));
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
    let note = shortened_bytes(note, LONGEST);
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
    fn rules_are_named_within_bounds() {
        assert_eq!(note(&["nfs-home"]), "rule nfs-home applied");
        assert_eq!(note(&["a", "b\nc"]), "rules a, b␊c applied");
        let long = note(&["ä".repeat(400).as_str(), "ö".repeat(400).as_str()]);
        assert!(long.len() <= 1_024 && long.ends_with('…'));
    }
}
