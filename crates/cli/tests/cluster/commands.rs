//! The commands in the values, with a real kubectl.

use crate::harness::{Place, Ran, TASK, folder, kubeconfig, run};
use std::path::PathBuf;
use std::process::Command;

/// `podrules apply` in a case's folder, with kubectl on the path.
fn apply(place: &Place, case: &str, more: &[&str]) -> Ran {
    let tools = tempfile::tempdir().unwrap();
    let kubectl =
        std::env::var_os("KUBECTL").map(PathBuf::from).expect("KUBECTL must name a kubectl, as `make cluster` does");
    std::os::unix::fs::symlink(kubectl, tools.path().join("kubectl")).unwrap();
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let mut command: Command = place.command(case);
    command.arg("--kubeconfig").arg(kubeconfig()).args(more).env("PATH", path);
    run(command)
}

#[test]
fn the_pre_apply_command_creates_a_claim() {
    let place = Place::new("command");
    let name = format!("clearml-id-{TASK}");
    apply(&place, "command", &["-q", "pvc-test"]).fine();
    let claim = place.get(&place.core(&format!("persistentvolumeclaims/{name}"))).unwrap();
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "5Gi");
    let pod = place.get(&place.pod()).unwrap();
    assert_eq!(pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"], name.as_str());
}

#[test]
fn another_queue_gets_no_claim() {
    let place = Place::new("no-command");
    apply(&place, "command", &["-q", "default"]).fine();
    assert!(place.names(&place.core("persistentvolumeclaims")).is_empty());
    assert!(place.get(&place.pod()).is_ok());
}

#[test]
fn dry_runs_and_no_commands_run_no_command() {
    let place = Place::new("dry-command");
    apply(&place, "command", &["-q", "pvc-test", "--dry-run=server"]).fine();
    assert!(place.names(&place.core("persistentvolumeclaims")).is_empty());
    apply(&place, "command", &["-q", "pvc-test", "--no-commands"]).fine();
    assert!(place.names(&place.core("persistentvolumeclaims")).is_empty());
}

#[test]
fn a_failing_command_stops_the_launch() {
    let place = Place::new("bad-command");
    let words =
        ["error[command]", "the command exited with exit status: 3", "no room for clearml-id-", "values.yaml:5"];
    apply(&place, "command-fails", &["-q", "default"]).refused(1, &words);
    assert!(place.get(&place.pod()).is_err());
}

#[test]
fn a_queue_name_that_is_shell_code_is_refused() {
    let place = Place::new("shell-command");
    let mark = folder("command").join("owned");
    let queue = format!("x$(touch {})", mark.display());
    let words = ["error[command]", "can't replace {queue_name}", "\"$PODRULES_QUEUE_NAME\""];
    apply(&place, "command", &["-q", &queue]).refused(1, &words);
    assert!(!mark.exists());
    assert!(place.get(&place.pod()).is_err());
}
