//! `forEach`: operations for each match of a path.

use super::{Bench, Compiled, Compiler, Fault, Operation, Parameters, compile_all};
use crate::edit::{Change, ChangeKind, Pointer, Step};
use crate::path::Path;
use crate::record;
use crate::rules;
use crate::source::Text;

record! {
    /// Runs `do` once for each match of `in`, found before the first run. In the paths of `do`, `@` is the match; in
    /// its expressions, `item` is.
    ///
    /// ```yaml
    /// - forEach:
    ///     in: $.spec.containers[*]
    ///     do:
    ///       - set: {path: "@.imagePullPolicy", value: IfNotPresent}
    /// ```
    pub struct ForEach as "forEach" {
        /// A JSONPath.
        required path: Text = "in",
        /// The operations.
        required operations: Vec<rules::Operation> = "do",
        /// Whether a path that matches nothing is fine.
        optional optional: bool = "optional",
    }
}

impl Parameters for ForEach {
    const NAME: &'static str = "forEach";
    const FUNCTION: Option<(&'static str, &'static [&'static str])> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let path = compiler.path(&self.path);
        let outside = std::mem::replace(&mut compiler.names.item, true);
        let operations = compile_all(&self.operations, compiler);
        compiler.names.item = outside;
        let whole = operations.len() == self.operations.len();
        Some(Box::new(Loop { path: path.filter(|_| whole)?, operations, optional: self.optional, written: self.path }))
    }
}

#[derive(Debug)]
struct Loop {
    path: Path,
    operations: Vec<Compiled>,
    optional: bool,
    written: Text,
}

impl Operation for Loop {
    fn apply(&self, bench: &mut Bench<'_>) -> Result<(), Fault> {
        let mut places: std::collections::VecDeque<Pointer> =
            bench.select(&self.path, &self.written, self.optional)?.into();
        while let Some(place) = places.pop_front() {
            let mark = bench.pod.mark();
            for inner_step in &self.operations {
                let mut inner = Bench {
                    pod: bench.pod,
                    item: Some(&place),
                    host: bench.host,
                    warnings: bench.warnings,
                    env: bench.env,
                    skipped: false,
                };
                inner_step.operation.apply(&mut inner)?;
                if inner.skipped {
                    bench.skipped = true;
                    return Ok(());
                }
            }
            // Elements put in or taken out move those behind them, and the matches still to come may be among these.
            let changes = &bench.pod.log()[mark.min(bench.pod.mark())..];
            places = places.into_iter().filter_map(|place| moved(place, changes)).collect();
        }
        Ok(())
    }
}

/// Where a place is after some changes; nothing if it was taken out.
fn moved(place: Pointer, changes: &[Change]) -> Option<Pointer> {
    changes.iter().try_fold(place, |place, change| {
        let Some((Step::Index(at), list)) = change.at.split_last() else { return Some(place) };
        let steps = place.steps();
        match steps.get(list.len()) {
            Some(Step::Index(index)) if steps.starts_with(list) => {
                let index = match change.kind {
                    ChangeKind::Inserted if *index >= *at => index + 1,
                    ChangeKind::RemovedItem(_) if index == at => return None,
                    ChangeKind::RemovedItem(_) if *index > *at => index - 1,
                    _ => return Some(place),
                };
                let (before, after) = (&steps[..list.len()], &steps[list.len() + 1..]);
                Some(before.iter().cloned().chain([Step::Index(index)]).chain(after.iter().cloned()).collect())
            }
            _ => Some(place),
        }
    })
}
