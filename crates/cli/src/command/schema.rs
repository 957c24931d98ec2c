//! `podrules schema`: the JSON Schemas that editors check rules with.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use clap::{Args, ValueEnum};
use podrules::rules;

/// Print a JSON Schema, for editors
#[derive(Debug, Args)]
#[command(after_help = "Example: podrules schema rules > rules.schema.json")]
pub struct Schema {
    /// Which schema
    #[arg(value_enum)]
    which: Which,
}

/// The schemas there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Rules files (2020-12)
    Rules,
}

impl Schema {
    /// Prints the schema.
    pub fn run(self) -> Result<Exit, Failure> {
        let schema = match self.which {
            Which::Rules => rules::schema::rules(),
        };
        report::print(&format!("{schema:#}\n"))?;
        Ok(Exit::Done)
    }
}
