//! Who wrote each field of the final Pod: the changes of a run, replayed over what the template's own text says.

use crate::diagnostic::Span;
use crate::edit::{Change, ChangeKind, Pointer, Step};
use crate::source::Node;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Who wrote a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The template: the values, or the chart; where.
    Template(Span),
    /// An author of the trace; see [`crate::plan::Plan::author`].
    Author(u32),
}

/// Who wrote what.
#[derive(Debug)]
pub struct Provenance<'t> {
    template: &'t Node,
    root: Origin,
}

/// Who wrote a value, and the parts of it that somebody else wrote later.
#[derive(Debug, Clone)]
struct Origin {
    writer: Writer,
    keys: BTreeMap<SmolStr, Origin>,
    items: BTreeMap<usize, Origin>,
    /// Whether all elements of the template's list have been written down in `items`.
    explicit: bool,
}

#[derive(Debug, Clone)]
enum Writer {
    /// What stood at this place of the template.
    Template(Pointer),
    Author(u32),
}

impl Writer {
    /// Who wrote the part of it that is one step further.
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

    /// The origin one step further, where somebody else than this one's writer is known.
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
    /// Replays the changes of a run.
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

    /// Who wrote the value at a place: its nearest part or whole that somebody is known for.
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

/// Elements of the template's list that moves get their places written down before it does.
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
    // Elements already written down keep their places: an insertion came before, or somebody wrote into them.
    if list.explicit {
        return;
    }
    list.explicit = true;
    for index in 0..len {
        list.items.entry(index).or_insert_with(|| Origin::new(Writer::Template(at.child(index))));
    }
}
