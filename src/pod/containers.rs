//! The containers that an operation works on.

use crate::edit::Pointer;
use globset::GlobMatcher;
use serde_json::Value;

/// A container's name as the user writes it: exact, or with `*`, `?`, `[…]`.
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    glob: Option<GlobMatcher>,
}

impl NamePattern {
    /// Reads a name or a glob.
    ///
    /// # Errors
    /// What is wrong with the glob.
    pub fn new(text: &str) -> Result<Self, String> {
        // A name without these characters matches only itself.
        let glob = if text.contains(['*', '?', '[', '{', '\\']) {
            Some(globset::Glob::new(text).map_err(|e| e.kind().to_string())?.compile_matcher())
        } else {
            None
        };
        Ok(NamePattern { text: text.to_string(), glob })
    }

    /// The name or glob as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a container's name matches.
    pub fn matches(&self, name: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(name),
            None => self.text == name,
        }
    }
}

/// The `containers:` of an operation.
#[derive(Debug, Clone, Default)]
pub enum Select {
    /// The container that the agent runs the task in: the first.
    #[default]
    Task,
    /// Every container.
    All,
    /// Those whose name matches one of the patterns.
    Names(Vec<NamePattern>),
}

/// The result of a selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// The places of the containers: those of `spec.containers` first, each list in its order.
    pub pointers: Vec<Pointer>,
    /// The patterns that matched no container.
    pub unmatched: Vec<String>,
}

/// Selects containers. With `init`, also init containers: all of them, or those that match the given names.
pub fn pointers(pod: &Value, select: &Select, init: bool) -> Selected {
    let main = Pointer::of(["spec", "containers"]);
    let before = if init { Pointer::of(["spec", "initContainers"]) } else { Pointer::root() };
    let count = |at: &Pointer| at.get(pod).and_then(Value::as_array).map_or(0, Vec::len);
    let first = match select {
        Select::Task => count(&main).min(1),
        Select::All | Select::Names(_) => count(&main),
    };
    let candidates = (0..first).map(|n| main.child(n));
    let candidates = candidates.chain((0..if init { count(&before) } else { 0 }).map(|n| before.child(n)));
    let Select::Names(patterns) = select else {
        return Selected { pointers: candidates.collect(), unmatched: Vec::new() };
    };
    let mut used = vec![false; patterns.len()];
    let mut selected = Selected::default();
    for at in candidates {
        let name = at.get(pod).and_then(|container| container.get("name")).and_then(Value::as_str);
        let mut any = false;
        for (pattern, used) in patterns.iter().zip(&mut used) {
            if name.is_some_and(|name| pattern.matches(name)) {
                any = true;
                *used = true;
            }
        }
        if any {
            selected.pointers.push(at);
        }
    }
    let unmatched = patterns.iter().zip(used).filter(|(_, used)| !used);
    selected.unmatched = unmatched.map(|(pattern, _)| pattern.as_str().to_string()).collect();
    selected
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selects_containers() {
        let pod = json!({"spec": {
            "containers": [{"name": "task"}, {"name": "log-a"}, {"name": "log-b"}, {}],
            "initContainers": [{"name": "log-init"}, {"name": "setup"}],
        }});
        let names = |list: &[&str]| Select::Names(list.iter().map(|n| NamePattern::new(n).unwrap()).collect());
        for (select, init, wanted, unmatched) in [
            (Select::Task, false, "c0", ""),
            (Select::Task, true, "c0 i0 i1", ""),
            (Select::All, false, "c0 c1 c2 c3", ""),
            (Select::All, true, "c0 c1 c2 c3 i0 i1", ""),
            (names(&["log-*"]), false, "c1 c2", ""),
            (names(&["log-*"]), true, "c1 c2 i0", ""),
            (names(&["task", "nope", "s*"]), false, "c0", "nope s*"),
            (names(&["log-[ab]", "task"]), false, "c0 c1 c2", ""),
        ] {
            let got = pointers(&pod, &select, init);
            let short: Vec<String> = got
                .pointers
                .iter()
                .map(|p| {
                    p.to_string()
                        .replace("$.spec.containers[", "c")
                        .replace("$.spec.initContainers[", "i")
                        .replace(']', "")
                })
                .collect();
            assert_eq!(
                (short.join(" "), got.unmatched.join(" ")),
                (wanted.to_string(), unmatched.to_string()),
                "{select:?}"
            );
        }
        assert_eq!(pointers(&json!({"spec": {"containers": null}}), &Select::Task, true), Selected::default());
        assert!(NamePattern::new("a[").is_err());
    }
}
