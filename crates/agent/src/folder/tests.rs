//! The folder as a task source: which tasks it returns, records and withdraws.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

/// Polls a future that must be ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

const WAITING: Option<TaskState> = Some(TaskState::Waiting);
const LAUNCHED: Option<TaskState> = Some(TaskState::Launched);
const COMPLETED: Option<TaskState> = Some(TaskState::Ended(End::Completed));

struct Tasks {
    folder: tempfile::TempDir,
    source: FolderSource,
}

impl Tasks {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = FolderSource::new(folder.path(), None).unwrap();
        Tasks { folder, source }
    }

    /// Opens the folder like the next process.
    fn restart(&mut self) {
        self.source = FolderSource::new(self.folder.path(), None).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn task(&self, name: &str, id: &str) {
        self.write(name, &format!("{{\"id\": \"{id}\"}}"));
    }

    fn status(&self, name: &str) -> Option<Status> {
        Status::read(&self.path(&format!("{name}{}", status::SUFFIX)))
    }

    /// The ids that a fresh scan returns.
    fn next(&mut self, all: usize) -> Vec<String> {
        self.source.scans.next = None;
        let mut room = Room { all, ..Room::default() };
        now(self.source.next(&mut room)).unwrap().into_iter().map(|task| task.id).collect()
    }

    fn withdrawn(&mut self) -> Vec<String> {
        self.source.scans.next = None;
        let mut keys = now(self.source.withdrawn()).unwrap();
        // A second later.
        for known in self.source.known.values_mut() {
            known.missing = known.missing.map(|since| since - scan::MISSING);
        }
        self.source.scans.next = None;
        keys.extend(now(self.source.withdrawn()).unwrap());
        keys
    }

    fn launch(&mut self, id: &str) {
        let record = Record::launched("n", &format!("clearml-id-{id}"));
        now(self.source.record(id, &record)).unwrap();
    }

    fn end(&mut self, id: &str, end: End) {
        let record = Record::ended(end, String::new(), String::new());
        now(self.source.record(id, &record)).unwrap();
    }

    fn state(&mut self, id: &str) -> Option<TaskState> {
        self.source.scans.next = None;
        now(self.source.state(id)).unwrap()
    }
}

#[test]
fn a_task_is_handed_out_once_and_recorded_as_launched() {
    let mut tasks = Tasks::new();
    tasks.task("train/a.json", "a");
    tasks.write("train/b.yaml", "id: b\ncontainer: {image: x}\n");
    tasks.write("train/notes.txt", "x");
    tasks.write("train/.c.json", "{");
    assert_eq!(tasks.next(9).len(), 2);
    assert_eq!(tasks.next(9), [""; 0]);
    tasks.launch("a");
    assert_eq!((tasks.state("a"), tasks.state("b")), (LAUNCHED, WAITING));
    // Nothing was recorded about b, so it is returned again.
    tasks.restart();
    assert_eq!(tasks.next(9), ["b"]);
    assert_eq!(now(tasks.source.launched()).unwrap(), ["a"]);
    tasks.end("a", End::Completed);
    assert_eq!(tasks.status("train/a.json").unwrap().status, "completed");
    tasks.restart();
    assert_eq!((tasks.next(9), tasks.state("a")), (vec!["b".to_owned()], COMPLETED));
}

#[test]
fn a_kill_loses_no_end_and_the_pod_is_evidence_of_a_launch() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.task("q/b.json", "b");
    tasks.next(2);
    tasks.launch("a");
    tasks.launch("b");
    tasks.end("a", End::Completed);
    let new = FolderSource::new(tasks.folder.path(), None).unwrap();
    std::mem::forget(std::mem::replace(&mut tasks.source, new));
    assert_eq!((tasks.state("a"), tasks.state("b")), (COMPLETED, WAITING));
}

#[test]
fn a_task_that_waits_for_quota_is_not_launched() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    assert_eq!(tasks.next(1), ["a"]);
    now(tasks.source.record("a", &Record::waiting("quota".into()))).unwrap();
    tasks.withdrawn();
    assert_eq!(tasks.status("q/a.json").unwrap().message, "quota");
    tasks.restart();
    assert_eq!(tasks.next(1), ["a"]);
}

#[test]
fn a_task_of_an_earlier_process_is_known_before_its_file_is_handed_out() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.task("q/b.json", "b");
    tasks.launch("a");
    tasks.end("a", End::Completed);
    assert_eq!((tasks.next(9), tasks.state("a"), tasks.state("c")), (vec!["b".to_owned()], COMPLETED, None));
    assert_eq!(tasks.status("q/a.json").unwrap().status, "completed");
}

#[test]
fn queues_take_turns_within_their_room() {
    let mut tasks = Tasks::new();
    for id in ["a1", "a2", "a3"] {
        tasks.task(&format!("a/{id}.json"), id);
    }
    tasks.task("b/b1.json", "b1");
    assert_eq!(tasks.next(2), ["a1", "b1"]);
    tasks.source.scans = scan::Scans::default();
    let mut room = Room { all: 5, queues: [("a".to_owned(), 1)].into(), each: None };
    assert_eq!(now(tasks.source.next(&mut room)).unwrap().len(), 1);
}

#[test]
fn a_removed_file_withdraws_its_task_once() {
    let mut tasks = Tasks::new();
    for id in ["a", "b", "c"] {
        tasks.task(&format!("q/{id}.json"), id);
    }
    assert_eq!(tasks.next(2).len(), 2);
    tasks.launch("a");
    for id in ["a", "b", "c"] {
        fs::remove_file(tasks.path(&format!("q/{id}.json"))).unwrap();
    }
    let mut keys = tasks.withdrawn();
    keys.sort();
    // c hadn't been handed out.
    assert_eq!(keys, ["a", "b"]);
    assert_eq!(tasks.withdrawn(), [""; 0]);
    tasks.end("a", End::Aborted);
    tasks.end("b", End::Aborted);
    assert_eq!(fs::read_dir(tasks.path("q")).unwrap().count(), 0);
    assert_eq!(tasks.state("a"), None);
}

#[test]
fn a_file_removed_while_no_process_watched_withdraws_its_task() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.task("q/b.json", "b");
    tasks.next(2);
    tasks.launch("a");
    tasks.launch("b");
    tasks.end("b", End::Completed);
    fs::remove_file(tasks.path("q/a.json")).unwrap();
    fs::remove_file(tasks.path("q/b.json")).unwrap();
    tasks.restart();
    assert_eq!(tasks.withdrawn(), ["a"]);
    assert_eq!(tasks.state("a"), LAUNCHED);
    tasks.end("a", End::Aborted);
    assert_eq!(fs::read_dir(tasks.path("q")).unwrap().count(), 0);
}

#[test]
fn a_removed_status_relaunches_a_task_that_has_ended() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    tasks.withdrawn();
    let status = tasks.path("q/a.json.status.json");
    fs::remove_file(&status).unwrap();
    assert_eq!(tasks.next(1), [""; 0]);
    tasks.end("a", End::Failed);
    assert!(status.exists());
    fs::remove_file(&status).unwrap();
    assert_eq!(tasks.next(1), ["a"]);
    tasks.source.requeue("a");
    assert_eq!(tasks.next(1), ["a"]);
}

#[test]
fn files_without_a_task_fail_and_may_be_corrected() {
    let mut tasks = Tasks::new();
    tasks.write("q/a.json", "{\"id\": ");
    assert_eq!((tasks.next(1), tasks.status("q/a.json")), (Vec::<String>::new(), None));
    // Now the file is complete.
    tasks.task("q/a.json", "a");
    assert_eq!(tasks.next(1), ["a"]);
    for (name, text, word) in [
        ("q/b.json", "{\"id\": 1}", "Unreadable"),
        ("q/c.json", "{\n  nonsense\n}", "Unreadable"),
        ("q/d.json", "", "Unreadable"),
        ("q/e.json", "{\"id\": \"a\"}", "Duplicate"),
        ("f.json", "{\"id\": \"f\"}", "NoQueue"),
    ] {
        tasks.write(name, text);
        assert_eq!(tasks.next(1), [""; 0], "{name}");
        let place: Place = name.split_once('/').map_or(("".into(), name.into()), |(q, n)| (q.into(), n.into()));
        if let Some((_, since, _)) = &mut tasks.source.known.get_mut(&place).unwrap().invalid {
            *since -= BEING_WRITTEN;
        }
        assert_eq!(tasks.next(1), [""; 0], "{name}");
        let status = tasks.status(name).unwrap();
        assert_eq!((status.status.as_str(), status.reason.as_str()), ("failed", word), "{name}");
    }
    assert!(tasks.status("q/c.json").unwrap().message.contains("q/c.json:2:3"));
    tasks.write("q/b.json", "{\"id\": \"bee\"}");
    assert_eq!(tasks.next(1), ["bee"]);
    assert_eq!(tasks.status("q/b.json"), None);
}

#[test]
fn a_missing_folder_withdraws_no_task() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    let aside = tasks.folder.path().with_extension("aside");
    fs::rename(tasks.folder.path(), &aside).unwrap();
    tasks.source.scans = scan::Scans::default();
    assert!(now(tasks.source.withdrawn()).is_err());
    fs::rename(&aside, tasks.folder.path()).unwrap();
    assert_eq!(tasks.withdrawn(), [""; 0]);
    assert!(FolderSource::new(&aside, None).is_err());
}

#[test]
fn a_replaced_folder_withdraws_no_task() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    tasks.withdrawn();
    let (queue, aside) = (tasks.path("q"), tasks.path(".aside"));
    fs::rename(&queue, &aside).unwrap();
    fs::create_dir(&queue).unwrap();
    for _ in 0..3 {
        tasks.source.scans.next = None;
        assert!(now(tasks.source.withdrawn()).is_err());
    }
    fs::remove_dir(&queue).unwrap();
    fs::rename(&aside, &queue).unwrap();
    assert_eq!(tasks.withdrawn(), [""; 0]);
    // Removing the folder does withdraw them.
    fs::remove_dir_all(&queue).unwrap();
    assert_eq!(tasks.withdrawn(), ["a"]);
}

#[test]
fn a_file_that_reappears_at_once_is_not_withdrawn() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    fs::rename(tasks.path("q/a.json"), tasks.path("q/.a")).unwrap();
    tasks.source.scans.next = None;
    assert!(now(tasks.source.withdrawn()).unwrap().is_empty());
    fs::rename(tasks.path("q/.a"), tasks.path("q/a.json")).unwrap();
    assert_eq!(tasks.withdrawn(), [""; 0]);
}

#[test]
fn a_duplicate_is_never_mistaken_for_the_task() {
    let mut tasks = Tasks::new();
    tasks.task("q/b.json", "a");
    tasks.next(1);
    tasks.launch("a");
    tasks.task("q/a.json", "a");
    assert_eq!(tasks.next(1), [""; 0]);
    assert_eq!(tasks.status("q/a.json").unwrap().reason, "Duplicate");
    for _ in 0..3 {
        tasks.restart();
        assert_eq!((tasks.state("a"), tasks.next(9)), (LAUNCHED, Vec::new()));
    }
}

#[test]
fn anything_but_regular_files_is_ignored() {
    let mut tasks = Tasks::new();
    fs::create_dir_all(tasks.path("q/dir.json")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, tasks.path("q/pipe.json"), rustix::fs::Mode::RWXU).unwrap();
    std::os::unix::fs::symlink("/nowhere", tasks.path("q/link.json")).unwrap();
    assert_eq!(tasks.next(9), [""; 0]);
    assert_eq!(fs::read_dir(tasks.path("q")).unwrap().count(), 3);
}

#[derive(Debug, Clone)]
enum Action {
    Add(u8),
    Remove(u8),
    Next(usize),
    Launch(u8),
    End(u8),
    Restart,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let id = 0_u8..4;
    let action = prop_oneof![
        id.clone().prop_map(Action::Add),
        id.clone().prop_map(Action::Remove),
        (1_usize..4).prop_map(Action::Next),
        id.clone().prop_map(Action::Launch),
        id.prop_map(Action::End),
        Just(Action::Restart),
    ];
    proptest::collection::vec(action, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Launched and ended tasks are never handed out again, and waiting tasks are always handed out eventually.
    #[test]
    fn nothing_is_launched_twice_and_nothing_is_lost(actions in actions()) {
        let mut tasks = Tasks::new();
        let (mut there, mut out, mut launched, mut ended) =
            (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
        let name = |id: u8| format!("q/{id}.json");
        for action in actions {
            match action {
                Action::Add(id) if !there.contains(&id) && !launched.contains(&id) && !out.contains(&id) => {
                    tasks.task(&name(id), &id.to_string());
                    there.insert(id);
                }
                Action::Remove(id) if there.remove(&id) => {
                    fs::remove_file(tasks.path(&name(id))).unwrap();
                    let active = out.remove(&id) || launched.remove(&id);
                    prop_assert_eq!(tasks.withdrawn().contains(&id.to_string()), active);
                    tasks.end(&id.to_string(), End::Aborted);
                    ended.remove(&id);
                }
                Action::Next(all) => {
                    for id in tasks.next(all) {
                        let id: u8 = id.parse().unwrap();
                        prop_assert!(there.contains(&id) && !launched.contains(&id) && !ended.contains(&id));
                        prop_assert!(out.insert(id));
                    }
                }
                Action::Launch(id) if out.remove(&id) => {
                    tasks.launch(&id.to_string());
                    launched.insert(id);
                }
                Action::End(id) if launched.remove(&id) => {
                    tasks.end(&id.to_string(), End::Completed);
                    ended.insert(id);
                }
                Action::Restart => {
                    tasks.restart();
                    out.clear();
                }
                _ => {}
            }
        }
        tasks.restart();
        let handed_out: HashSet<u8> = tasks.next(99).into_iter().map(|id| id.parse().unwrap()).collect();
        let waits: HashSet<u8> = there.iter().filter(|id| !launched.contains(id) && !ended.contains(id)).copied().collect();
        prop_assert_eq!(handed_out, waits);
        let found: HashSet<u8> = now(tasks.source.launched()).unwrap().iter().map(|id| id.parse().unwrap()).collect();
        prop_assert_eq!(found, launched);
    }
}
