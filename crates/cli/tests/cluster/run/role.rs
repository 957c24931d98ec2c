//! The Role that `podrules rbac --for run` prints is enough for everything that the agent does.

use super::super::harness::{Place, run};
use super::super::rights::account;
use super::checks::{RULES, Tasks, busy, finish, verdict};
use super::witness::Witness;
use podrules::diagnostic::{Diagnostics, Sources};
use podrules::source::yaml;
use std::process::Command;

#[test]
fn the_printed_role_is_enough_to_run() {
    let place = Place::new("run-role");
    let witness = Witness::new(&place);
    let mut agent = busy(&place).elects();
    assert!(std::fs::read_to_string(agent.path("rules.yaml")).unwrap() == RULES);
    let mut command = Command::new(env!("CARGO_BIN_EXE_podrules"));
    command.args(["rbac", "--for", "run", "-n", &place.namespace, "-r"]).arg(agent.path("rules.yaml"));
    command.arg("-f").arg(agent.path("values.yaml"));
    let printed = run(command).fine().stdout;
    let mut sources = Sources::new();
    let file = sources.add("role.yaml", printed);
    let documents = yaml::read(&sources, file, &mut Diagnostics::new());
    let role = documents.into_iter().map(|document| document.to_value()).find(|value| value["kind"] == "Role");
    let role = role.expect("a Role");
    let file = account(&place, &role["rules"]);
    agent = agent.by(&file);
    let mut tasks = Tasks::default();
    agent.start();
    tasks.add(&agent, 10);
    finish(&mut agent, &mut tasks, 60);
    // The agent must not even try anything forbidden.
    let log = agent.log();
    assert!(!log.to_lowercase().contains("forbidden"), "{log}");
    verdict(&mut agent, &witness, &mut tasks, "with the printed Role", 0);
    std::fs::remove_file(file).unwrap();
}
