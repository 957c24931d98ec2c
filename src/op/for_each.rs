//! `forEach`: operations for each match of a path.

use super::{CompiledOp, Compiler, OpContext, Operation, Parameters};
use crate::diagnostic::{Code, Fault, Label, fault};
use crate::edit::{Change, ChangeKind, Pointer as Place, Step};
use crate::path::Path;
use crate::record;
use crate::rules;
use crate::source::Text;
use std::collections::VecDeque;

/// What an operation on one match counts for, in nodes visited.
const EACH: usize = 50;

record! {
    /// Runs `do` once for each match of `in`, found before the first run. In the paths of `do`, `@` is the match; in
    /// its expressions, `item` is. `do` may add to and remove from the list that it goes through: each match still has
    /// its turn once, unless an earlier turn removed it, and what is added has none.
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
        let operations = compiler.operations(&self.operations);
        compiler.names.item = outside;
        let whole = operations.len() == self.operations.len();
        Some(Box::new(Loop { path: path.filter(|_| whole)?, operations, optional: self.optional, written: self.path }))
    }
}

#[derive(Debug)]
struct Loop {
    path: Path,
    operations: Vec<CompiledOp>,
    optional: bool,
    written: Text,
}

impl Operation for Loop {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let mut places: VecDeque<Place> = cx.select(&self.path, &self.written, self.optional)?.into();
        while let Some(place) = places.pop_front() {
            // An earlier round may have removed it together with something around it.
            if cx.pod.get(&place).is_none() {
                continue;
            }
            if !cx.pod.visit(EACH * self.operations.len() + places.len() / 16) {
                let message = "more was done for the matches of this path than any Pod needs";
                return Err(fault(Code::LimitExceeded, message, self.written.span));
            }
            self.round(cx, place, &mut places)?;
            if cx.skipped {
                break;
            }
        }
        Ok(())
    }
}

impl Loop {
    /// Runs `do` for one match, and keeps the place of it and of those to come right while lists shift.
    fn round(&self, cx: &mut OpContext<'_>, place: Place, places: &mut VecDeque<Place>) -> Result<(), Fault> {
        let mut here = Some(place);
        for step in &self.operations {
            let Some(item) = here.take().filter(|item| cx.pod.get(item).is_some()) else {
                let message = format!("`@` was removed, and {} comes after that", step.name);
                let mut gone = fault(Code::OperationFailed, message, step.span);
                gone.help = Some("remove it last in `do`".to_owned());
                return Err(gone);
            };
            let mark = cx.pod.mark();
            let mut inner = OpContext {
                pod: cx.pod,
                item: Some(&item),
                host: cx.host,
                warnings: cx.warnings,
                env: cx.env,
                skipped: false,
            };
            let done = step.operation.apply(&mut inner);
            cx.skipped = inner.skipped;
            done.map_err(|fault| said_where(fault, step, &item))?;
            if cx.skipped {
                return Ok(());
            }
            let changes = cx.pod.log().get(mark..).unwrap_or_default();
            here = follow(item, changes);
            if changes.iter().any(moves_others) {
                places.retain_mut(|place| match follow(std::mem::take(place), changes) {
                    Some(followed) => {
                        *place = followed;
                        true
                    }
                    None => false,
                });
            }
        }
        Ok(())
    }
}

/// Adds the operation inside of `do`, its place and what `@` was.
fn said_where(mut fault: Fault, step: &CompiledOp, item: &Place) -> Fault {
    fault.message = format!("{}: {}", step.name, fault.message);
    if !fault.message.contains("(@ is ") {
        fault.message = format!("{} (@ is {item})", fault.message);
    }
    fault.primary.get_or_insert_with(|| Label { span: step.span, text: String::new() });
    fault
}

fn moves_others(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::Inserted | ChangeKind::RemovedItem(_))
}

/// Where a place is after some changes; nothing if it was taken out of its list.
fn follow(place: Place, changes: &[Change]) -> Option<Place> {
    changes.iter().filter(|change| moves_others(change)).try_fold(place, |place, change| {
        let (Step::Index(at), list) = change.at.split_last()? else { return Some(place) };
        let (depth, steps) = (list.len(), place.steps());
        let Some(Step::Index(index)) = steps.get(depth).filter(|_| steps.starts_with(list)) else { return Some(place) };
        let shifted = match change.kind {
            ChangeKind::Inserted if at <= index => index + 1,
            ChangeKind::RemovedItem(_) if at < index => index - 1,
            ChangeKind::RemovedItem(_) if at == index => return None,
            _ => return Some(place),
        };
        let mut steps = steps.to_vec();
        steps[depth] = Step::Index(shifted);
        Some(steps.into_iter().collect())
    })
}
