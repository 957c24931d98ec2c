//! `forEach`: operations for each match of a path.

use super::compiler::{Compiler, Function, Parameters};
use super::context::OpContext;
use super::operation::{CompiledOp, Operation};
use crate::diagnostic::{Code, Fault, Label, fault};
use crate::edit::{Change, ChangeKind, Pointer as Place, Step};
use crate::path::Path;
use crate::record;
use crate::rules;
use crate::source::Text;
use std::collections::VecDeque;

/// The number of visited nodes that one operation on one match counts as.
const EACH: usize = 50;

record! {
    /// Runs `do` once for each match of `in`; the matches are found before the first run. The match is `@` in the paths of
    /// `do`, and `item` in its expressions. `do` may add elements to the list it iterates over, and remove elements from it:
    /// each match still gets one run, unless an earlier run removed it; added elements get none.
    ///
    /// ```yaml
    /// - forEach:
    ///     in: $.spec.containers[*]
    ///     do:
    ///       - set: {path: "@.imagePullPolicy", value: IfNotPresent}
    /// ```
    pub struct ForEach as "forEach" {
        /// A JSONPath; `do` runs for each of its matches.
        required path: Text = "in",
        /// The operations, in order.
        required operations: Vec<rules::Operation> = "do",
        /// Whether a path may match nothing.
        optional optional: bool = "optional",
    }
}

impl Parameters for ForEach {
    const FUNCTION: Option<Function> = None;

    fn compile(self, compiler: &mut Compiler<'_>) -> Option<Box<dyn Operation>> {
        let path = compiler.path(&self.path);
        let outside = std::mem::replace(&mut compiler.names.item, true);
        let operations = compiler.operations(&self.operations);
        compiler.names.item = outside;
        let whole = operations.len() == self.operations.len();
        Some(Box::new(ForEachOp {
            path: path.filter(|_| whole)?,
            operations,
            optional: self.optional,
            written: self.path,
        }))
    }
}

#[derive(Debug)]
struct ForEachOp {
    path: Path,
    operations: Vec<CompiledOp>,
    optional: bool,
    written: Text,
}

impl Operation for ForEachOp {
    fn apply(&self, cx: &mut OpContext<'_>) -> Result<(), Fault> {
        let mut places: VecDeque<Place> = cx.select(&self.path, &self.written, self.optional)?.into();
        while let Some(place) = places.pop_front() {
            // An earlier run may have removed it, or something that contained it.
            if cx.pod.get(&place).is_none() {
                continue;
            }
            if !cx.pod.visit(EACH * self.operations.len() + places.len() / 16) {
                let message = "forEach takes too much work on the matches of this path";
                return Err(fault(Code::LimitExceeded, message, self.written.span));
            }
            self.run(cx, place, &mut places)?;
            if cx.skipped {
                break;
            }
        }
        Ok(())
    }
}

impl ForEachOp {
    /// Runs `do` for one match, and updates its place and those of the remaining matches when lists shift.
    fn run(&self, cx: &mut OpContext<'_>, place: Place, places: &mut VecDeque<Place>) -> Result<(), Fault> {
        let mut here = Some(place);
        for step in &self.operations {
            let Some(item) = here.take().filter(|item| cx.pod.get(item).is_some()) else {
                let message = format!("{} can't run: `@` was removed before it", step.name);
                let mut gone = fault(Code::OperationFailed, message, step.span);
                gone.help = Some("remove `@` in the last operation of `do`".to_owned());
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
            done.map_err(|fault| located(fault, step, &item))?;
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

/// Adds to an error the operation in `do`, its place, and the place of `@`.
fn located(mut fault: Fault, step: &CompiledOp, item: &Place) -> Fault {
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

/// Where a place is after some changes; nothing if it was removed from its list.
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
