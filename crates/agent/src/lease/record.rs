//! The content of a Lease, and what follows from it.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;
use std::time::Duration;
use tokio::time::Instant;

/// A Lease, and since when it has been unchanged, by the own clock.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub lease: Lease,
    pub since: Instant,
}

/// What to do about a Lease.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Write this: it makes this replica the holder, or renews it. Without a resourceVersion it must be created.
    Claim(Box<Lease>),
    /// Nothing: another replica holds it.
    Follow,
}

/// The holder of a Lease.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// Notes a Lease. Any change restarts the time after which it can be taken over.
pub(super) fn see(before: Option<Seen>, lease: Lease, now: Instant) -> Seen {
    let since = match before {
        Some(before) if same(&before.lease, &lease) => before.since,
        _ => now,
    };
    Seen { lease, since }
}

fn same(one: &Lease, other: &Lease) -> bool {
    let renewed = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.renew_time.clone());
    holder(one) == holder(other)
        && renewed(one) == renewed(other)
        && one.metadata.uid == other.metadata.uid
        && one.metadata.resource_version == other.metadata.resource_version
}

/// What to do about the Lease that was seen. `now` is the own clock, `wall` the time that is written for people.
pub(super) fn decide(seen: Option<&Seen>, identity: &str, duration: Duration, now: Instant, wall: Timestamp) -> Step {
    let Some(seen) = seen else { return Step::Claim(Box::new(claim(Lease::default(), identity, duration, wall))) };
    let free = match holder(&seen.lease) {
        None => true,
        Some(holder) if holder == identity => true,
        Some(_) => now.saturating_duration_since(seen.since) >= patience(&seen.lease, duration),
    };
    match free {
        true => Step::Claim(Box::new(claim(seen.lease.clone(), identity, duration, wall))),
        false => Step::Follow,
    }
}

/// How long the holder may be silent, as it has written; `usual` if that makes no sense.
fn patience(lease: &Lease, usual: Duration) -> Duration {
    let written = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    written.and_then(|seconds| u64::try_from(seconds).ok()).filter(|n| *n > 0).map_or(usual, Duration::from_secs)
}

/// The Lease with this replica as its holder.
pub(super) fn claim(mut lease: Lease, identity: &str, duration: Duration, wall: Timestamp) -> Lease {
    let ours = holder(&lease) == Some(identity);
    let fresh = lease.metadata.resource_version.is_none();
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if !ours || spec.acquire_time.is_none() {
        spec.acquire_time = Some(MicroTime(wall));
    }
    let transitions = spec.lease_transitions.unwrap_or(0).max(0);
    spec.lease_transitions = Some(if ours || fresh { transitions } else { transitions.saturating_add(1) });
    spec.holder_identity = Some(identity.to_owned());
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX).max(1));
    spec.renew_time = Some(MicroTime(wall));
    lease
}

/// The Lease without a holder. Its name and transitions stay.
pub(super) fn release(mut lease: Lease, wall: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    spec.holder_identity = Some(String::new());
    // For clients that don't know that an empty holder means none.
    spec.lease_duration_seconds = Some(1);
    spec.renew_time = Some(MicroTime(wall));
    spec.acquire_time = Some(MicroTime(wall));
    lease
}

/// The Lease with a name, if it has none.
pub(super) fn named(mut lease: Lease, name: &str) -> Lease {
    if lease.metadata.name.is_none() {
        lease.metadata = ObjectMeta { name: Some(name.to_owned()), ..lease.metadata };
    }
    lease
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use serde_json::{Value, json};

    const OURS: Duration = Duration::from_secs(15);

    fn lease(spec: Value, version: &str) -> Lease {
        serde_json::from_value(json!({"metadata": {"name": "l", "resourceVersion": version}, "spec": spec})).unwrap()
    }

    fn wall() -> Timestamp {
        "2026-01-02T03:04:05.123456789Z".parse().unwrap()
    }

    fn after(seen: &Seen, seconds: u64) -> Step {
        decide(Some(seen), "me", OURS, seen.since + Duration::from_secs(seconds), wall())
    }

    fn claimed(step: Step) -> Value {
        match step {
            Step::Claim(lease) => serde_json::to_value(lease.spec.unwrap()).unwrap(),
            Step::Follow => panic!("followed"),
        }
    }

    #[test]
    fn a_missing_lease_is_created() {
        let step = decide(None, "me", OURS, Instant::now(), wall());
        assert_eq!(
            claimed(step),
            json!({"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 0,
                "acquireTime": "2026-01-02T03:04:05.123456Z", "renewTime": "2026-01-02T03:04:05.123456Z"})
        );
    }

    #[test]
    fn our_own_lease_is_renewed_without_a_transition() {
        let ours = json!({"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": "2025-01-01T00:00:00.000000Z", "renewTime": "2025-01-01T00:00:00.000000Z"});
        let spec = claimed(after(&see(None, lease(ours, "1"), Instant::now()), 0));
        assert_eq!(spec["acquireTime"], "2025-01-01T00:00:00.000000Z");
        assert_eq!((&spec["renewTime"], &spec["leaseTransitions"]), (&json!("2026-01-02T03:04:05.123456Z"), &json!(3)));
    }

    #[test]
    fn a_lease_without_a_holder_is_acquired_at_once() {
        for spec in [json!({"holderIdentity": "", "leaseTransitions": 3}), json!({"leaseTransitions": 3})] {
            assert_eq!(claimed(after(&see(None, lease(spec, "1"), Instant::now()), 0))["leaseTransitions"], 4);
        }
        let bare: Lease = serde_json::from_value(json!({"metadata": {"resourceVersion": "1"}})).unwrap();
        assert_eq!(claimed(after(&see(None, bare, Instant::now()), 0))["leaseTransitions"], 1);
    }

    /// Times that another replica wrote are of its clock, and mean nothing here.
    #[test]
    fn anothers_lease_is_taken_over_after_its_duration_without_a_change() {
        for time in ["1999-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"] {
            let other = json!({"holderIdentity": "other", "leaseDurationSeconds": 20, "leaseTransitions": 3, "renewTime": time});
            let seen = see(None, lease(other, "1"), Instant::now());
            assert_eq!(after(&seen, 19), Step::Follow);
            let spec = claimed(after(&seen, 20));
            assert_eq!((&spec["holderIdentity"], &spec["leaseTransitions"]), (&json!("me"), &json!(4)));
        }
    }

    #[test]
    fn an_invalid_duration_is_replaced_by_ours() {
        for duration in [json!(null), json!(0), json!(-5)] {
            let other = json!({"holderIdentity": "other", "leaseDurationSeconds": duration, "leaseTransitions": -7});
            let seen = see(None, lease(other, "1"), Instant::now());
            assert_eq!(after(&seen, 14), Step::Follow);
            assert_eq!(claimed(after(&seen, 15))["leaseTransitions"], 1);
        }
    }

    #[test]
    fn any_change_restarts_the_duration() {
        let start = Instant::now();
        let spec = |holder: &str, time: &str| json!({"holderIdentity": holder, "renewTime": time});
        let (early, late) = ("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:02.000000Z");
        let first = see(None, lease(spec("a", early), "1"), start);
        let later = start + Duration::from_secs(9);
        let again = |lease: Lease| see(Some(first.clone()), lease, later).since;
        assert_eq!(again(lease(spec("a", early), "1")), start);
        for changed in [lease(spec("b", early), "1"), lease(spec("a", late), "1"), lease(spec("a", early), "2")] {
            assert_eq!(again(changed), later);
        }
    }

    #[test]
    fn a_released_lease_keeps_what_others_wrote() {
        let ours = json!({"holderIdentity": "me", "leaseTransitions": 3, "preferredHolder": "x"});
        let spec = serde_json::to_value(release(lease(ours, "1"), wall()).spec.unwrap()).unwrap();
        assert_eq!(
            spec,
            json!({"holderIdentity": "", "leaseTransitions": 3, "preferredHolder": "x", "leaseDurationSeconds": 1,
                "acquireTime": "2026-01-02T03:04:05.123456Z", "renewTime": "2026-01-02T03:04:05.123456Z"})
        );
    }
}
