//! Files to compiled rules.

use podrules::diagnostic::{Code, Diagnostic, Diagnostics, FileId, Sources};
use podrules::plan::{self, Plan};
use podrules::rules::RuleStage;
use podrules::source::helm::Values;
use podrules::source::{MAX_RULES_BYTES, MAX_VALUES_BYTES, decode};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

/// Compiled rules with the texts they came from. It is never changed, and shared by threads.
#[derive(Debug)]
pub struct Loaded {
    /// The texts.
    pub sources: Sources,
    /// The values, if any were given.
    pub installation: Option<Values>,
    /// The rules.
    pub plan: Plan,
    /// What is worth a warning.
    pub warnings: Vec<Diagnostic>,
    /// The environment variables that expressions read.
    pub env: BTreeSet<String>,
    /// Whether a rule of the template's stage, or the values, call Python.
    pub hooks: bool,
}

/// A path that stands for no file: what is wrong with it, and what to do.
pub type Problem = (String, Option<String>);

/// Mistakes, with the texts they are in.
pub struct Mistakes {
    /// What is wrong.
    pub found: Diagnostics,
    /// The texts.
    pub sources: Sources,
}

/// Reads and compiles files. All mistakes are told together.
pub fn load(rules: &[String], values: &[String], problems: Vec<Problem>) -> Result<Loaded, Box<Mistakes>> {
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    for (message, help) in problems {
        let problem = Diagnostic::new(Code::Input, message);
        found.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
    let value_files = read_all(values, MAX_VALUES_BYTES, &mut sources, &mut found);
    let rule_files = read_all(rules, MAX_RULES_BYTES, &mut sources, &mut found);
    let installation = match values {
        [] => None,
        _ => Values::read(&mut sources, &value_files, &mut found),
    };
    let plan = plan::compile(&sources, installation.as_ref(), &rule_files, &mut found);
    if found.has_errors() {
        return Err(Box::new(Mistakes { found, sources }));
    }
    let env = plan.sets.iter().flat_map(|set| set.env.iter().cloned()).collect();
    let hooks = !plan.hooks.is_empty() || plan.values_hook.is_some();
    Ok(Loaded { sources, installation, plan, warnings: found.into_vec(), env, hooks })
}

fn read_all(paths: &[String], most: usize, sources: &mut Sources, found: &mut Diagnostics) -> Vec<FileId> {
    let files = paths.iter().filter_map(|path| match read(path, most) {
        Ok(text) => Some(sources.add(path.clone(), text)),
        Err(diagnostic) => {
            found.push(diagnostic);
            None
        }
    });
    files.collect()
}

fn read(path: &str, most: usize) -> Result<String, Diagnostic> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => decode(path, bytes, most),
        Err(error) => Err(Diagnostic::new(Code::Input, format!("{path} can't be read: {error}"))),
    }
}

impl Loaded {
    /// The names of the queues that the values name.
    pub fn queues(&self) -> Vec<String> {
        let queues = self.installation.iter().flat_map(Values::queues);
        queues.map(|queue| queue.name.clone()).collect()
    }

    /// The names of the rules of a stage.
    pub fn rules_of(&self, stage: RuleStage) -> Vec<&str> {
        self.plan.rules.iter().filter(|rule| rule.stage == stage).map(|rule| rule.name.as_str()).collect()
    }
}
