//! Values and rules.

use super::INPUTS;
use crate::input;
use clap::Args;
use podrules::diagnostic::Diagnostics;
use podrules::installation::Inputs;
use std::path::PathBuf;

/// The files that an installation's values and rules are in.
#[derive(Debug, Args)]
#[command(next_help_heading = INPUTS)]
pub struct RulesOptions {
    /// A values file of the ClearML agent's chart; several are merged as Helm does; `-` is standard input
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// A rules file, or a folder of them; may be repeated; the rules of the values come first
    #[arg(short, long = "rules", value_name = "FILE")]
    pub rules: Vec<PathBuf>,
}

impl RulesOptions {
    /// What to load. Folders that hold no rules go to `found`.
    pub fn inputs(&self, found: &mut Diagnostics) -> Inputs {
        Inputs { values: Some(self.values.clone()), rules: rules_files(&self.rules, found), ..Inputs::default() }
    }
}

/// The rules files that paths name, those in folders too.
pub fn rules_files(paths: &[PathBuf], found: &mut Diagnostics) -> Vec<PathBuf> {
    let mut rules = Vec::new();
    for path in paths {
        match input::yaml_files(path) {
            Ok(files) => rules.extend(files),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    rules
}
