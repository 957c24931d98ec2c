//! Kills `podrules run`: at every step of a task, and at random with hundreds of tasks in flight.
//!
//! `PODRULES_CRASH_ROUNDS` makes the random test longer, `PODRULES_CRASH_SEED` repeats one.

use super::run::checks::{Tasks, busy, finish, verdict};
use super::run::witness::Witness;
use crate::harness::Place;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const CRASH: &str = "PODRULES_CRASH_AT";

/// The first process is killed at the step, its successor when it gets there again; the third goes on.
fn killed_at(step: &str) {
    let place = Place::new(&format!("at-{step}"));
    let witness = Witness::new(&place);
    let mut agent = busy(&place);
    let mut tasks = Tasks::default();
    tasks.add(&agent, 4);
    for time in ["1", "2"] {
        agent.set(CRASH, &format!("{step}:{time}"));
        agent.start();
        agent.crashed();
        // The next process must have something to do too.
        tasks.add(&agent, 2);
    }
    agent.unset(CRASH);
    agent.start();
    finish(&mut agent, &mut tasks, 60);
    verdict(&mut agent, &witness, &mut tasks, &format!("killed at {step}"), 2);
}

macro_rules! steps {
    ($($name:ident: $step:literal,)*) => {$(
        #[test]
        fn $name() {
            killed_at($step);
        }
    )*};
}

steps! {
    killed_after_seeing_a_task: "task-seen",
    killed_after_the_pre_apply_command: "pre-apply-done",
    killed_after_a_companion: "companion-created",
    killed_after_the_pod: "pod-created",
    killed_after_setting_the_owner: "owned",
    killed_after_the_launch_was_recorded: "launch-recorded",
    killed_after_the_end_was_recorded: "end-recorded",
    killed_after_the_pods_deletion: "pod-deleted",
    killed_as_the_post_delete_command_starts: "post-delete-started",
    killed_after_the_post_delete_command: "post-delete-done",
    killed_after_removing_the_finalizer: "finalizer-removed",
    killed_after_the_companions_removal: "companions-removed",
}

/// A pseudorandom sequence, determined by its seed.
struct Chance(u64);

impl Chance {
    /// The next number below the bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} isn't a number: {text}")))
}

#[test]
fn killed_at_random_with_hundreds_of_tasks_in_flight() {
    let rounds = number("PODRULES_CRASH_ROUNDS").unwrap_or(1);
    let seed = number("PODRULES_CRASH_SEED").unwrap_or_else(|| RandomState::new().hash_one("seed") % 1_000_000);
    let mut chance = Chance(seed);
    let place = Place::new("random");
    let witness = Witness::new(&place);
    let mut agent = busy(&place);
    let mut tasks = Tasks::default();
    let kills = 20 * rounds;
    tasks.add(&agent, 300);
    for _ in 0..kills {
        agent.start();
        std::thread::sleep(Duration::from_millis(50 + chance.below(1450)));
        // It may be killed at any time, but must not exit by itself.
        agent.must_live();
        agent.kill();
        if tasks.left(&agent) < 100 {
            tasks.add(&agent, 100);
        }
    }
    agent.start();
    finish(&mut agent, &mut tasks, 60);
    verdict(&mut agent, &witness, &mut tasks, &format!("killed at random, seed {seed}"), kills);
}
