//! `podrules run` through a faulty connection: no task may be lost or launched twice, and the agent reports when it can't work.

use super::run::checks::{Tasks, busy, finish, verdict};
use super::run::witness::Witness;
use crate::harness::{Place, until};
use crate::proxy::{Mode, Proxy};
use std::process::Command;
use std::time::Duration;

/// Whether a fault stops all work while it lasts.
#[derive(PartialEq)]
enum Outage {
    Total,
    Partial,
}

/// Tasks before, during and after a fault.
fn faulty(name: &str, mode: Mode, outage: &Outage) {
    let place = Place::new(name);
    let witness = Witness::new(&place);
    let proxy = Proxy::new(&place);
    let mut agent = busy(&place).by(&proxy.kubeconfig());
    let mut tasks = Tasks::default();
    agent.start();
    agent.ready();
    tasks.add(&agent, 25);
    until(60, "the first Pod", || !witness.seen().pods.is_empty());
    proxy.set(mode);
    tasks.add(&agent, 10);
    if *outage == Outage::Total {
        until(120, "readiness to fail", || {
            agent.must_live();
            !agent.is_ready()
        });
        assert_eq!(agent.http("/healthz").map(|(code, _)| code), Some(200), "an outage is no reason for a restart");
    }
    // The fault lasts at least this long.
    std::thread::sleep(Duration::from_secs(5));
    agent.must_live();
    proxy.set(Mode::Pass);
    agent.ready();
    tasks.add(&agent, 5);
    // Connections that die silently are noticed late.
    finish(&mut agent, &mut tasks, 180);
    verdict(&mut agent, &witness, &mut tasks, name, 0);
}

#[test]
fn refused_connections() {
    faulty("refused", Mode::Refuse, &Outage::Total);
}

#[test]
fn busy_api_server() {
    faulty("busy", Mode::Busy, &Outage::Partial);
}

#[test]
fn every_response_is_500() {
    faulty("all-500", Mode::Broken { code: 500, share: 100 }, &Outage::Partial);
}

#[test]
fn some_responses_are_503() {
    faulty("some-503", Mode::Broken { code: 503, share: 40 }, &Outage::Partial);
}

#[test]
fn expired_watches() {
    faulty("gone", Mode::Gone, &Outage::Partial);
}

#[test]
fn slow_connection() {
    faulty("slow", Mode::Slow(Duration::from_secs(2)), &Outage::Partial);
}

#[test]
fn no_response_ever_comes_and_watches_fall_silent() {
    faulty("silent", Mode::Silent, &Outage::Total);
}

#[test]
fn all_responses_are_lost() {
    faulty("all-lost", Mode::LoseAnswers { share: 100 }, &Outage::Partial);
}

#[test]
fn some_responses_are_lost() {
    faulty("some-lost", Mode::LoseAnswers { share: 40 }, &Outage::Partial);
}

#[test]
fn expired_token() {
    faulty("unauthorized", Mode::Unauthorized, &Outage::Partial);
}

#[test]
fn watch_events_arrive_late() {
    faulty("late", Mode::Late(Duration::from_secs(2)), &Outage::Partial);
}

#[test]
fn truncated_responses() {
    faulty("cut", Mode::Cut { share: 40 }, &Outage::Partial);
}

#[test]
fn one_fault_after_another() {
    let place = Place::new("all-faults");
    let witness = Witness::new(&place);
    let proxy = Proxy::new(&place);
    let mut agent = busy(&place).by(&proxy.kubeconfig());
    let mut tasks = Tasks::default();
    agent.start();
    for mode in [
        Mode::LoseAnswers { share: 30 },
        Mode::Gone,
        Mode::Refuse,
        Mode::Broken { code: 503, share: 50 },
        Mode::Cut { share: 30 },
        Mode::Busy,
        Mode::Unauthorized,
        Mode::Slow(Duration::from_millis(500)),
    ] {
        tasks.add(&agent, 10);
        proxy.set(mode);
        std::thread::sleep(Duration::from_secs(2));
        // It may be killed during a fault too.
        agent.must_live();
        agent.kill();
        agent.start();
        std::thread::sleep(Duration::from_secs(2));
        agent.must_live();
        proxy.set(Mode::Pass);
    }
    finish(&mut agent, &mut tasks, 180);
    verdict(&mut agent, &witness, &mut tasks, "one fault after another", 8);
}

/// The library that shifts a process's clock, if faketime is installed.
fn clock_shifter() -> Option<String> {
    let output = Command::new("faketime").args(["-m", "-f", "+0", "printenv", "LD_PRELOAD"]).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn the_clock_is_hours_off() {
    let Some(library) = clock_shifter() else {
        assert!(std::env::var_os("CI").is_none(), "this test needs faketime");
        eprintln!("skipped: faketime is not installed");
        return;
    };
    for shift in ["-6h", "+6h"] {
        let place = Place::new("clock");
        let witness = Witness::new(&place);
        // Over plain HTTP: by such a clock, no certificate is valid.
        let proxy = Proxy::new(&place);
        let mut agent = busy(&place).by(&proxy.kubeconfig()).elects();
        agent.set("LD_PRELOAD", &library);
        agent.set("FAKETIME", shift);
        agent.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let mut tasks = Tasks::default();
        agent.start();
        tasks.add(&agent, 10);
        finish(&mut agent, &mut tasks, 120);
        verdict(&mut agent, &witness, &mut tasks, &format!("clock {shift}"), 0);
    }
}
