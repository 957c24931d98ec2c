//! The folder as a source: what is given out, what is remembered, what is told to go.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::source::End;
use proptest::prelude::*;
use std::collections::HashSet;

/// Waits for what has no need to wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

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

    /// As the next process finds it.
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

    /// The ids that are given out now, whatever was scanned before.
    fn next(&mut self, all: usize) -> Vec<String> {
        self.source.scans.next = None;
        let mut room = Room { all, ..Room::default() };
        now(self.source.next(&mut room)).unwrap().into_iter().map(|task| task.id).collect()
    }

    fn unwanted(&mut self) -> Vec<String> {
        self.source.scans.next = None;
        let mut told = now(self.source.unwanted()).unwrap();
        // A second later.
        for known in self.source.known.values_mut() {
            known.missing = known.missing.map(|since| since - scan::MISSING);
        }
        self.source.scans.next = None;
        told.extend(now(self.source.unwanted()).unwrap());
        told
    }

    fn launch(&mut self, id: &str) {
        let report = Report::Launched { namespace: "n".into(), pod: format!("clearml-id-{id}") };
        now(self.source.report(id, &report)).unwrap();
    }

    fn end(&mut self, id: &str, end: End) {
        let report = Report::Ended { end, reason: String::new(), message: String::new() };
        now(self.source.report(id, &report)).unwrap();
    }

    fn fate(&mut self, id: &str) -> Fate {
        self.source.scans.next = None;
        now(self.source.fate(id)).unwrap()
    }
}

#[test]
fn a_task_is_given_out_once_and_remembered_as_launched() {
    let mut tasks = Tasks::new();
    tasks.task("train/a.json", "a");
    tasks.write("train/b.yaml", "id: b\ncontainer: {image: x}\n");
    tasks.write("train/notes.txt", "x");
    tasks.write("train/.c.json", "{");
    assert_eq!(tasks.next(9).len(), 2);
    assert_eq!(tasks.next(9), [""; 0]);
    tasks.launch("a");
    assert_eq!((tasks.fate("a"), tasks.fate("b")), (Fate::Launched, Fate::Waiting));
    // Nothing was said of b, so it comes again.
    tasks.restart();
    assert_eq!(tasks.next(9), ["b"]);
    assert_eq!(now(tasks.source.launched()).unwrap(), ["a"]);
    tasks.end("a", End::Completed);
    assert_eq!(tasks.status("train/a.json").unwrap().status, "completed");
    tasks.restart();
    assert_eq!((tasks.next(9), tasks.fate("a")), (vec!["b".to_owned()], Fate::Ended));
}

#[test]
fn a_kill_loses_no_end_and_of_a_launch_the_pod_itself_tells() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.task("q/b.json", "b");
    tasks.next(2);
    tasks.launch("a");
    tasks.launch("b");
    tasks.end("a", End::Completed);
    let new = FolderSource::new(tasks.folder.path(), None).unwrap();
    std::mem::forget(std::mem::replace(&mut tasks.source, new));
    assert_eq!((tasks.fate("a"), tasks.fate("b")), (Fate::Ended, Fate::Waiting));
}

#[test]
fn what_waits_for_quota_is_not_launched() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    assert_eq!(tasks.next(1), ["a"]);
    now(tasks.source.report("a", &Report::Waiting { message: "quota".into() })).unwrap();
    tasks.unwanted();
    assert_eq!(tasks.status("q/a.json").unwrap().message, "quota");
    tasks.restart();
    assert_eq!(tasks.next(1), ["a"]);
}

#[test]
fn what_an_earlier_process_launched_is_known_before_its_file_is_given_out() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.task("q/b.json", "b");
    tasks.launch("a");
    tasks.end("a", End::Completed);
    assert_eq!((tasks.next(9), tasks.fate("a"), tasks.fate("c")), (vec!["b".to_owned()], Fate::Ended, Fate::Unknown));
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
fn a_removed_file_is_told_once() {
    let mut tasks = Tasks::new();
    for id in ["a", "b", "c"] {
        tasks.task(&format!("q/{id}.json"), id);
    }
    assert_eq!(tasks.next(2).len(), 2);
    tasks.launch("a");
    for id in ["a", "b", "c"] {
        fs::remove_file(tasks.path(&format!("q/{id}.json"))).unwrap();
    }
    let mut told = tasks.unwanted();
    told.sort();
    // c had not been given out.
    assert_eq!(told, ["a", "b"]);
    assert_eq!(tasks.unwanted(), [""; 0]);
    tasks.end("a", End::Aborted);
    tasks.end("b", End::Aborted);
    assert_eq!(fs::read_dir(tasks.path("q")).unwrap().count(), 0);
    assert_eq!(tasks.fate("a"), Fate::Unknown);
}

#[test]
fn a_file_that_was_removed_while_nobody_looked_is_told() {
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
    assert_eq!(tasks.unwanted(), ["a"]);
    assert_eq!(tasks.fate("a"), Fate::Launched);
    tasks.end("a", End::Aborted);
    assert_eq!(fs::read_dir(tasks.path("q")).unwrap().count(), 0);
}

#[test]
fn a_removed_status_relaunches_a_task_that_has_ended() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    tasks.unwanted();
    let status = tasks.path("q/a.json.status.json");
    fs::remove_file(&status).unwrap();
    assert_eq!(tasks.next(1), [""; 0]);
    tasks.end("a", End::Failed);
    assert!(status.exists());
    fs::remove_file(&status).unwrap();
    assert_eq!(tasks.next(1), ["a"]);
    tasks.source.again("a");
    assert_eq!(tasks.next(1), ["a"]);
}

#[test]
fn files_that_are_no_tasks_fail_and_may_be_mended() {
    let mut tasks = Tasks::new();
    tasks.write("q/a.json", "{\"id\": ");
    assert_eq!((tasks.next(1), tasks.status("q/a.json")), (Vec::<String>::new(), None));
    // Written to its end by now.
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
        if let Some((_, since, _)) = &mut tasks.source.known.get_mut(&place).unwrap().broken {
            *since -= UNSURE;
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
fn a_folder_that_has_gone_makes_no_task_unwanted() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    let aside = tasks.folder.path().with_extension("aside");
    fs::rename(tasks.folder.path(), &aside).unwrap();
    tasks.source.scans = scan::Scans::default();
    assert!(now(tasks.source.unwanted()).is_err());
    fs::rename(&aside, tasks.folder.path()).unwrap();
    assert_eq!(tasks.unwanted(), [""; 0]);
    assert!(FolderSource::new(&aside, None).is_err());
}

#[test]
fn another_folder_in_its_place_makes_no_task_unwanted() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    tasks.unwanted();
    let (queue, aside) = (tasks.path("q"), tasks.path(".aside"));
    fs::rename(&queue, &aside).unwrap();
    fs::create_dir(&queue).unwrap();
    for _ in 0..3 {
        tasks.source.scans.next = None;
        assert!(now(tasks.source.unwanted()).is_err());
    }
    fs::remove_dir(&queue).unwrap();
    fs::rename(&aside, &queue).unwrap();
    assert_eq!(tasks.unwanted(), [""; 0]);
    // One that is really removed is unwanted.
    fs::remove_dir_all(&queue).unwrap();
    assert_eq!(tasks.unwanted(), ["a"]);
}

#[test]
fn a_file_that_comes_back_at_once_was_not_removed() {
    let mut tasks = Tasks::new();
    tasks.task("q/a.json", "a");
    tasks.next(1);
    tasks.launch("a");
    fs::rename(tasks.path("q/a.json"), tasks.path("q/.a")).unwrap();
    tasks.source.scans.next = None;
    assert!(now(tasks.source.unwanted()).unwrap().is_empty());
    fs::rename(tasks.path("q/.a"), tasks.path("q/a.json")).unwrap();
    assert_eq!(tasks.unwanted(), [""; 0]);
}

#[test]
fn a_duplicate_is_never_taken_for_the_task_itself() {
    let mut tasks = Tasks::new();
    tasks.task("q/b.json", "a");
    tasks.next(1);
    tasks.launch("a");
    tasks.task("q/a.json", "a");
    assert_eq!(tasks.next(1), [""; 0]);
    assert_eq!(tasks.status("q/a.json").unwrap().reason, "Duplicate");
    for _ in 0..3 {
        tasks.restart();
        assert_eq!((tasks.fate("a"), tasks.next(9)), (Fate::Launched, Vec::new()));
    }
}

#[test]
fn what_is_no_file_is_left_alone() {
    let mut tasks = Tasks::new();
    fs::create_dir_all(tasks.path("q/dir.json")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, tasks.path("q/pipe.json"), rustix::fs::Mode::RWXU).unwrap();
    std::os::unix::fs::symlink("/nowhere", tasks.path("q/link.json")).unwrap();
    assert_eq!(tasks.next(9), [""; 0]);
    assert_eq!(fs::read_dir(tasks.path("q")).unwrap().count(), 3);
}

#[derive(Debug, Clone)]
enum Deed {
    Add(u8),
    Remove(u8),
    Next(usize),
    Launch(u8),
    End(u8),
    Restart,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let id = 0_u8..4;
    let deed = prop_oneof![
        id.clone().prop_map(Deed::Add),
        id.clone().prop_map(Deed::Remove),
        (1_usize..4).prop_map(Deed::Next),
        id.clone().prop_map(Deed::Launch),
        id.prop_map(Deed::End),
        Just(Deed::Restart),
    ];
    proptest::collection::vec(deed, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: what was launched or has ended isn't given out again, and what waits comes in the end.
    #[test]
    fn nothing_is_launched_twice_and_nothing_is_lost(deeds in deeds()) {
        let mut tasks = Tasks::new();
        let (mut there, mut out, mut launched, mut ended) =
            (HashSet::new(), HashSet::new(), HashSet::new(), HashSet::new());
        let name = |id: u8| format!("q/{id}.json");
        for deed in deeds {
            match deed {
                Deed::Add(id) if !there.contains(&id) && !launched.contains(&id) && !out.contains(&id) => {
                    tasks.task(&name(id), &id.to_string());
                    there.insert(id);
                }
                Deed::Remove(id) if there.remove(&id) => {
                    fs::remove_file(tasks.path(&name(id))).unwrap();
                    let wanted = out.remove(&id) || launched.remove(&id);
                    prop_assert_eq!(tasks.unwanted().contains(&id.to_string()), wanted);
                    tasks.end(&id.to_string(), End::Aborted);
                    ended.remove(&id);
                }
                Deed::Next(all) => {
                    for id in tasks.next(all) {
                        let id: u8 = id.parse().unwrap();
                        prop_assert!(there.contains(&id) && !launched.contains(&id) && !ended.contains(&id));
                        prop_assert!(out.insert(id));
                    }
                }
                Deed::Launch(id) if out.remove(&id) => {
                    tasks.launch(&id.to_string());
                    launched.insert(id);
                }
                Deed::End(id) if launched.remove(&id) => {
                    tasks.end(&id.to_string(), End::Completed);
                    ended.insert(id);
                }
                Deed::Restart => {
                    tasks.restart();
                    out.clear();
                }
                _ => {}
            }
        }
        tasks.restart();
        let given: HashSet<u8> = tasks.next(99).into_iter().map(|id| id.parse().unwrap()).collect();
        let waits: HashSet<u8> = there.iter().filter(|id| !launched.contains(id) && !ended.contains(id)).copied().collect();
        prop_assert_eq!(given, waits);
        let found: HashSet<u8> = now(tasks.source.launched()).unwrap().iter().map(|id| id.parse().unwrap()).collect();
        prop_assert_eq!(found, launched);
    }
}
