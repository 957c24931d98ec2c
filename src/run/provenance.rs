//! Who wrote each field of the final Pod: the changes of a run, replayed over the places of the template's text.

use crate::diagnostic::Span;
use crate::edit::{Change, ChangeKind, Pointer, Step};
use crate::source::Node;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Who wrote a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The template; the place is in the values or in the chart's defaults.
    Template(Span),
    /// An author of the trace, by number; see [`crate::plan::Plan::author`].
    Author(u32),
}

/// Who wrote each field of a run's Pod.
#[derive(Debug)]
pub struct Provenance<'t> {
    template: &'t Node,
    root: Origin,
}

/// Who wrote a value, and the parts of it that were written later.
#[derive(Debug, Clone)]
struct Origin {
    writer: Writer,
    keys: BTreeMap<SmolStr, Origin>,
    items: BTreeMap<usize, Origin>,
    /// Whether `items` has an entry for every element of the template's list.
    explicit: bool,
}

#[derive(Debug, Clone)]
enum Writer {
    /// The template, at this place.
    Template(Pointer),
    Author(u32),
}

impl Writer {
    /// The writer of the part one step further.
    fn further(self, step: &Step) -> Writer {
        match self {
            Writer::Template(at) => Writer::Template(at.child(step.clone())),
            author => author,
        }
    }
}

impl Origin {
    fn new(writer: Writer) -> Self {
        Origin { writer, keys: BTreeMap::new(), items: BTreeMap::new(), explicit: false }
    }

    /// The origin one step further, as implied by this one's writer.
    fn implied(&self, step: &Step) -> Origin {
        Origin::new(self.writer.clone().further(step))
    }

    /// The origin one step further, if it has an entry of its own.
    fn known(&self, step: &Step) -> Option<&Origin> {
        match step {
            Step::Key(key) => self.keys.get(key),
            Step::Index(index) => self.items.get(index),
        }
    }

    fn child_mut(&mut self, step: &Step) -> &mut Origin {
        let implied = self.implied(step);
        match step {
            Step::Key(key) => self.keys.entry(key.clone()).or_insert(implied),
            Step::Index(index) => self.items.entry(*index).or_insert(implied),
        }
    }
}

impl<'t> Provenance<'t> {
    /// Replays the changes of a run on a template.
    pub fn new(template: &'t Node, changes: &[Change]) -> Self {
        let mut provenance = Provenance { template, root: Origin::new(Writer::Template(Pointer::root())) };
        for change in changes {
            provenance.replay(change);
        }
        provenance
    }

    fn replay(&mut self, change: &Change) {
        let written = Origin::new(Writer::Author(change.author));
        let Some((last, parents)) = change.at.split_last() else {
            self.root = written;
            return;
        };
        let template = self.template;
        let parent = parents.iter().fold(&mut self.root, |here, step| here.child_mut(step));
        match (&change.kind, last) {
            (ChangeKind::Replaced(_) | ChangeKind::Added, step) => *parent.child_mut(step) = written,
            (ChangeKind::Inserted, Step::Index(index)) => {
                make_explicit(parent, template);
                let moved = parent.items.split_off(index);
                parent.items.insert(*index, written);
                parent.items.extend(moved.into_iter().map(|(i, origin)| (i + 1, origin)));
            }
            (ChangeKind::RemovedItem(_), Step::Index(index)) => {
                make_explicit(parent, template);
                let moved = parent.items.split_off(index);
                parent.items.extend(moved.into_iter().filter(|(i, _)| i != index).map(|(i, origin)| (i - 1, origin)));
            }
            (_, Step::Key(key)) => {
                parent.keys.remove(key);
            }
            _ => {}
        }
    }

    /// Who wrote the value at a place: the writer of the value itself, or of the nearest value around it.
    pub fn source(&self, at: &Pointer) -> Source {
        let (mut here, mut writer) = (Some(&self.root), self.root.writer.clone());
        for step in at.steps() {
            here = here.and_then(|origin| origin.known(step));
            writer = match here {
                Some(known) => known.writer.clone(),
                None => writer.further(step),
            };
        }
        match writer {
            Writer::Author(author) => Source::Author(author),
            Writer::Template(place) => {
                let mut steps = place.steps();
                loop {
                    if let Some(span) = self.template.span_at(steps) {
                        return Source::Template(span);
                    }
                    match steps.split_last() {
                        Some((_, parent)) => steps = parent,
                        None => return Source::Template(self.template.span),
                    }
                }
            }
        }
    }
}

/// Records the places of all elements of the template's list, before its elements move.
fn make_explicit(list: &mut Origin, template: &Node) {
    let Writer::Template(at) = &list.writer else { return };
    let len = at
        .steps()
        .iter()
        .try_fold(template, |here, step| match step {
            Step::Key(key) => here.get(key),
            Step::Index(index) => here.items().get(*index),
        })
        .map_or(0, |node| node.items().len());
    // Elements with an entry keep it: an element was inserted before, or an element was written to.
    if list.explicit {
        return;
    }
    list.explicit = true;
    for index in 0..len {
        list.items.entry(index).or_insert_with(|| Origin::new(Writer::Template(at.child(index))));
    }
}
