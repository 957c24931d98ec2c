//! What a file is, by its contents.

use crate::diagnostic::{Diagnostics, FileId, Sources};
use crate::source::yaml;

/// The keys at the top of the agent's chart.
const KEYS: [&str; 5] = ["agentk8sglue", "clearml", "imageCredentials", "sessions", "global"];

/// Whether a file holds Helm values. Everything else is read as rules, which says what it should look like.
pub fn is_values(sources: &Sources, file: FileId) -> bool {
    let documents = yaml::read(sources, file, &mut Diagnostics::new());
    documents
        .first()
        .is_some_and(|first| first.get("kind").is_none() && KEYS.iter().any(|key| first.get(key).is_some()))
}
