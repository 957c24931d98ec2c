//! Several candidates for one Lease, with a fake API server and a clock that the test controls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod fake;

use super::keeper::Keeper;
use super::{Settings, Standing, hold};
use fake::{Server, Trouble};
use proptest::prelude::*;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The test's clock, in seconds since the start.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn now(&self) -> Instant {
        *START + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

struct World {
    server: Server,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        World { server: Server::default(), clock: Clock::default() }
    }

    fn holder(&self, identity: &str) -> Keeper<impl Fn() -> Instant + use<>> {
        let clock = self.clock.clone();
        Keeper::new(self.server.client(), Settings::new("clearml", "podrules", identity).sane(), move || clock.now())
    }

    fn holder_is(&self, identity: &str, transitions: u64) {
        let spec = self.server.spec();
        assert_eq!((&spec["holderIdentity"], &spec["leaseTransitions"]), (&json!(identity), &json!(transitions)));
    }
}

fn is_leader(standing: &Standing) -> bool {
    matches!(standing, Standing::Leader { .. })
}

/// The leader that a follower knows, and its last error.
fn follows(standing: Standing) -> (Option<String>, String) {
    match standing {
        Standing::Follower { leader, why_not } => (leader, why_not.unwrap_or_default()),
        leader => panic!("{leader:?}"),
    }
}

fn other(name: &str) -> (Option<String>, String) {
    (Some(name.to_owned()), String::new())
}

#[tokio::test]
async fn another_replica_takes_over_when_the_leader_is_killed() {
    let world = World::new();
    let (mut a, mut b) = (world.holder("a"), world.holder("b"));
    a.round().await;
    b.round().await;
    assert_eq!(a.standing(), Standing::Leader { until: world.clock.now() + Duration::from_secs(10) });
    assert_eq!(follows(b.standing()), other("a"));
    for _ in 0..20 {
        world.clock.pass(2);
        a.round().await;
        b.round().await;
        assert!(is_leader(&a.standing()) && !is_leader(&b.standing()));
    }
    world.holder_is("a", 0);
    world.clock.pass(14);
    b.round().await;
    // It notices by its own clock.
    assert_eq!(follows(a.standing()), (None, String::new()));
    assert_eq!(follows(b.standing()), other("a"));
    world.clock.pass(1);
    b.round().await;
    assert!(is_leader(&b.standing()));
    world.holder_is("b", 1);
    a.round().await;
    assert_eq!(follows(a.standing()), other("b"));
}

#[tokio::test]
async fn a_renewal_takes_one_request_and_keeps_what_others_wrote() {
    let world = World::new();
    let mut a = world.holder("a");
    a.round().await;
    let acquired = world.server.spec()["acquireTime"].clone();
    world.server.then(Trouble::Meddle(|lease| lease["metadata"]["labels"] = json!({"team": "x"})));
    a.round().await;
    assert_eq!(world.server.log(), ["GET 404", "POST 201", "PUT 409", "GET 200", "PUT 200"]);
    a.round().await;
    assert_eq!(world.server.log(), ["PUT 200"]);
    let lease = world.server.0.lock().unwrap().lease.clone().unwrap();
    assert_eq!((&lease["metadata"]["labels"]["team"], &lease["metadata"]["name"]), (&json!("x"), &json!("podrules")));
    assert_eq!((&lease["spec"]["acquireTime"], &lease["spec"]["leaseTransitions"]), (&acquired, &json!(0)));
}

#[tokio::test]
async fn the_loser_of_a_race_does_not_become_leader() {
    let world = World::new();
    let (mut a, mut b) = (world.holder("a"), world.holder("b"));
    // Both find no Lease, and `b` creates it first.
    world.server.then(Trouble::Refuse(404, "")).then(Trouble::Refuse(409, "already exists"));
    a.round().await;
    assert_eq!(follows(a.standing()), (None, String::new()));
    b.round().await;
    // Both see that it has expired, and `b` renews it after all.
    a.round().await;
    world.clock.pass(15);
    world.server.log();
    world.server.then(Trouble::Nothing);
    world.server.then(Trouble::Meddle(|lease| lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z")));
    a.round().await;
    assert!(!is_leader(&a.standing()));
    assert_eq!(world.server.log(), ["GET 200", "PUT 409"]);
    world.holder_is("b", 0);
}

#[tokio::test]
async fn a_write_with_a_lost_response_counts_from_the_next_one() {
    let world = World::new();
    let mut a = world.holder("a");
    a.round().await;
    world.clock.pass(2);
    world.server.then(Trouble::Lost(504));
    a.round().await;
    assert_eq!(a.standing(), Standing::Leader { until: *START + Duration::from_secs(10) });
    assert!(a.fault().unwrap().contains("504"));
    world.clock.pass(2);
    a.round().await;
    assert_eq!(a.standing(), Standing::Leader { until: *START + Duration::from_secs(14) });
    assert_eq!(a.fault(), None);
    assert_eq!(world.server.log()[2..], ["PUT 504", "PUT 409", "GET 200", "PUT 200"]);
    world.holder_is("a", 0);
}

#[tokio::test]
async fn a_failing_server_ends_leadership_at_the_deadline_but_not_forever() {
    let world = World::new();
    let (mut a, mut b) = (world.holder("a"), world.holder("b"));
    a.round().await;
    b.round().await;
    world.server.down(Some((503, "etcd is\naway")));
    for seconds in 1..10 {
        world.clock.pass(1);
        a.round().await;
        assert!(is_leader(&a.standing()), "after {seconds}");
    }
    world.clock.pass(1);
    a.round().await;
    b.round().await;
    assert_eq!(follows(a.standing()), (None, "503 etcd is␊away".to_owned()));
    assert_eq!(follows(b.standing()), (Some("a".to_owned()), "503 etcd is␊away".to_owned()));
    world.clock.pass(600);
    world.server.down(None);
    b.round().await;
    assert!(is_leader(&b.standing()));
    world.holder_is("b", 1);
}

#[tokio::test]
async fn a_leader_that_recovers_in_time_stays_leader() {
    let world = World::new();
    let mut a = world.holder("a");
    a.round().await;
    world.clock.pass(30);
    assert!(!is_leader(&a.standing()));
    a.round().await;
    assert!(is_leader(&a.standing()));
    world.holder_is("a", 0);
}

#[tokio::test]
async fn every_failure_is_reported_and_retried() {
    let world = World::new();
    let mut settings = Settings::new("clearml", "podrules", "a");
    settings.deadline = Duration::from_millis(40);
    let mut a = Keeper::new(world.server.client(), settings.sane(), Instant::now);
    let troubles = [
        (Trouble::Refuse(403, "leases is forbidden"), "403 leases is forbidden"),
        (Trouble::Refuse(401, "Unauthorized"), "401 Unauthorized"),
        (Trouble::Broken, "connection reset"),
        (Trouble::Garbage, "Error deserializing response"),
        (Trouble::Silent, "no response within"),
    ];
    for (trouble, why) in troubles {
        world.server.then(trouble);
        a.round().await;
        let (leader, fault) = follows(a.standing());
        assert!(leader.is_none() && fault.contains(why), "{fault}");
    }
    // The namespace doesn't exist.
    world.server.then(Trouble::Refuse(404, "")).then(Trouble::Refuse(404, "namespaces \"clearml\" not found"));
    a.round().await;
    assert_eq!(follows(a.standing()).1, "404 namespaces \"clearml\" not found");
    world.server.then(Trouble::Refuse(404, "")).then(Trouble::Refuse(422, "invalid"));
    a.round().await;
    assert_eq!(follows(a.standing()).1, "422 invalid");
    a.round().await;
    assert_eq!(a.fault(), None);
    world.holder_is("a", 0);
}

#[tokio::test]
async fn a_replaced_leader_stops_at_once() {
    let world = World::new();
    let mut a = world.holder("a");
    a.round().await;
    world.server.then(Trouble::Meddle(|lease| lease["spec"]["holderIdentity"] = json!("\u{1b}[31mcuckoo")));
    a.round().await;
    assert_eq!(follows(a.standing()), other("\u{1b}[31mcuckoo"));
}

#[tokio::test]
async fn a_deleted_lease_is_created_again() {
    let world = World::new();
    let mut a = world.holder("a");
    a.round().await;
    world.server.0.lock().unwrap().lease = None;
    a.round().await;
    assert!(is_leader(&a.standing()));
    assert_eq!(world.server.log()[2..], ["PUT 404", "GET 404", "POST 201"]);
}

#[tokio::test]
async fn a_released_lease_can_be_acquired_at_once() {
    let world = World::new();
    let (mut a, mut b) = (world.holder("a"), world.holder("b"));
    a.round().await;
    b.round().await;
    // The result of the last write is unknown, so it reads the Lease first.
    world.server.then(Trouble::Lost(500));
    a.round().await;
    world.server.log();
    a.release().await;
    assert!(!is_leader(&a.standing()));
    assert_eq!(world.server.log(), ["GET 200", "PUT 200"]);
    world.holder_is("", 0);
    b.round().await;
    assert!(is_leader(&b.standing()));
    world.holder_is("b", 1);
    // Another replica holds it.
    a.release().await;
    world.holder_is("b", 1);
}

#[tokio::test]
async fn a_lease_that_changed_before_its_release_is_read_again() {
    let world = World::new();
    let mut a = world.holder("a");
    a.round().await;
    world.server.then(Trouble::Meddle(|_| {}));
    a.release().await;
    world.holder_is("", 0);
    a.round().await;
    world.server.then(Trouble::Meddle(|lease| lease["spec"]["holderIdentity"] = json!("b")));
    a.release().await;
    assert_eq!(world.server.spec()["holderIdentity"], "b");
}

/// The election in real time.
#[tokio::test]
async fn replicas_take_turns() {
    let server = Server::default();
    let start = |identity: &str, seconds: u64| {
        let mut settings = Settings::new("clearml", "podrules", identity);
        settings.retry = Duration::from_millis(5);
        settings.duration = Duration::from_secs(seconds);
        let (stop, stopped) = watch::channel(false);
        let (standing, task) = hold(server.client(), settings, stopped);
        (standing, task, stop)
    };
    let until = async |standing: &mut watch::Receiver<Standing>| {
        let wait = standing.wait_for(Standing::is_leader);
        tokio::time::timeout(Duration::from_secs(60), wait).await.expect("it becomes leader in time").unwrap();
    };
    let (mut a, a_task, a_stop) = start("a", 60);
    until(&mut a).await;
    let (mut b, b_task, _b_stop) = start("b", 1);
    b.wait_for(|standing| matches!(standing, Standing::Follower { leader: Some(a), .. } if a == "a")).await.unwrap();
    a_stop.send(true).unwrap();
    a_task.await.unwrap();
    assert!(!a.borrow().is_leader());
    until(&mut b).await;
    // Killed, it doesn't release the Lease.
    b_task.abort();
    let (mut c, c_task, c_stop) = start("", 60);
    until(&mut c).await;
    assert!(server.spec()["holderIdentity"].as_str().unwrap().starts_with("podrules-"));
    // The sender of the stop is dropped.
    drop(c_stop);
    c_task.await.unwrap();
    assert_eq!(server.spec()["holderIdentity"], "");
    // The receiver of the standing is dropped.
    let (d, d_task, _d_stop) = start("d", 60);
    drop(d);
    d_task.await.unwrap();
}

#[tokio::test]
async fn pauses_differ_and_end_with_the_leadership() {
    let world = World::new();
    let mut a = world.holder("a");
    let pauses: Vec<Duration> = [0, 100, 255, u64::MAX].iter().map(|chance| a.pause(*chance)).collect();
    assert!(pauses.iter().all(|pause| (2_000..2_400).contains(&pause.as_millis())), "{pauses:?}");
    assert!(pauses[0] < pauses[1] && pauses[1] < pauses[2]);
    a.round().await;
    world.clock.pass(9);
    assert_eq!(a.pause(0), Duration::from_secs(1));
}

#[test]
fn unsafe_times_are_clamped() {
    let mut settings = Settings::new("", "", "");
    settings.duration = Duration::from_millis(1_900);
    settings.deadline = Duration::MAX;
    settings.retry = Duration::MAX;
    let settings = settings.sane();
    assert_eq!(settings.duration, Duration::from_secs(1));
    assert!(settings.deadline < settings.duration && settings.retry < settings.deadline);
    assert_ne!(settings.identity, Settings::new("", "", "").sane().identity);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, there are never two leaders.
    #[test]
    fn two_never_lead(steps in prop::collection::vec((0_usize..3, 0_u64..9, 0_u8..8), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let mut holders = ["a", "b", "c"].map(|name| world.holder(name));
            for (who, seconds, trouble) in steps {
                world.clock.pass(seconds);
                match trouble {
                    0 => { world.server.then(Trouble::Lost(504)); }
                    1 => { world.server.then(Trouble::Broken); }
                    2 => { world.server.then(Trouble::Refuse(503, "")).then(Trouble::Refuse(409, "")); }
                    3 => holders[who].release().await,
                    _ => {}
                }
                holders[who].round().await;
                let leaders = holders.iter().filter(|holder| is_leader(&holder.standing())).count();
                prop_assert!(leaders <= 1, "{} lead", leaders);
            }
            Ok(())
        })?;
    }
}
