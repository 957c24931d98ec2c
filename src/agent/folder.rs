#![allow(missing_docs)]
use super::*;
use crate::diagnostic::Diagnostic;
use std::collections::*;
use std::path::*;
pub struct FolderSource { root: PathBuf, given: HashMap<String, PathBuf>, st: HashMap<String,String>, queue: HashMap<String,String> }
impl FolderSource {
    pub fn new(root: &Path, _: Option<&str>) -> Result<Self, Diagnostic> {
        let mut s = FolderSource { root: root.into(), given: HashMap::new(), st: HashMap::new(), queue: HashMap::new() };
        for (_, p) in s.files() {
            let sp = status(&p);
            let v: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&p).unwrap()).unwrap();
            if let Ok(t) = std::fs::read_to_string(sp) { let o: serde_json::Value = serde_json::from_str(&t).unwrap();
              let id = v["id"].as_str().unwrap().to_owned(); s.given.insert(id.clone(), p); s.st.insert(id, o["status"].as_str().unwrap().into()); }
        }
        Ok(s)
    }
    fn files(&self) -> Vec<(String, PathBuf)> {
        let mut out = vec![];
        for q in std::fs::read_dir(&self.root).unwrap().flatten() { if !q.path().is_dir() { continue }
          for f in std::fs::read_dir(q.path()).unwrap().flatten() {
            let n = f.file_name().to_string_lossy().into_owned();
            if n.ends_with(".json") && !n.ends_with(".status.json") { out.push((q.file_name().to_string_lossy().into_owned(), f.path())) } } }
        out
    }
}
fn status(p: &Path) -> PathBuf { PathBuf::from(format!("{}.status.json", p.display())) }
impl TaskSource for FolderSource {
    async fn next(&mut self, room: &mut Room) -> Result<Vec<Task>, SourceFault> {
        let known: HashSet<&PathBuf> = self.given.values().collect();
        let new: Vec<_> = self.files().into_iter().filter(|(_, p)| !known.contains(p)).collect();
        let mut out = vec![];
        for (q, p) in new { if !room.take(&q) { break }
            let v: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&p).unwrap()).unwrap();
            let id = v["id"].as_str().unwrap().to_owned(); self.given.insert(id.clone(), p); self.queue.insert(id.clone(), q.clone());
            out.push(Task { id, queue: q, value: v, seen: std::time::Instant::now() }) }
        Ok(out)
    }
    fn again(&mut self, key: &str) { self.given.remove(key); }
    async fn unwanted(&mut self) -> Result<Vec<String>, SourceFault> { 
        let gone: Vec<String> = self.given.iter().filter(|(_, p)| !p.exists()).map(|(k, _)| k.clone()).collect();
        for g in &gone { self.given.remove(g); }
        Ok(gone) }
    async fn report(&mut self, key: &str, report: &Report) -> Result<(), SourceFault> {
        let Some(p) = self.given.get(key) else { return Ok(()) };
        let (s, r, m) = match report { Report::Launched{..} => ("launched", "", ""), Report::Waiting{message} => ("waiting", "", message.as_str()), Report::Running => ("running","",""), Report::Ended{end,reason,message} => (end.word(), reason.as_str(), message.as_str()) };
        std::fs::write(status(p), serde_json::json!({"task": key, "status": s, "reason": r, "message": m}).to_string()).unwrap();
        self.st.insert(key.into(), s.into());
        Ok(())
    }
    async fn fate(&mut self, key: &str) -> Result<Fate, SourceFault> {
        Ok(match self.st.get(key).map(String::as_str) { None => if self.given.contains_key(key) { Fate::Waiting } else { Fate::Unknown }, Some("completed"|"failed"|"aborted") => Fate::Ended, Some(_) => Fate::Launched })
    }
    async fn launched(&mut self) -> Result<Vec<String>, SourceFault> { Ok(self.st.iter().filter(|(_, s)| ["launched","running","waiting"].contains(&s.as_str())).map(|(k,_)| k.clone()).collect()) }
    fn waiting(&self) -> HashMap<String, usize> { HashMap::new() }
}
