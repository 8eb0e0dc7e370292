//! What was taken out and what was put in, and which of both belong together: a step that is taken
//! out here and put in there has moved, and one that stands where another stood was exchanged.

use super::super::report::{Findings, Level};
use crate::graph::{self, Item, Kind};

/// An item on one side only.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) item: &'a Item,
    /// What it stands, or stood, in front of.
    pub(super) before: Option<&'a Item>,
    /// Where to look in the source.
    pub(super) line: u32,
    /// Items of one gap between what was kept belong together.
    pub(super) gap: usize,
    /// Whether nothing comes after it that a run could have done.
    pub(super) at_end: bool,
}

pub(super) struct Changes<'a> {
    pub(super) removed: Vec<Change<'a>>,
    pub(super) inserted: Vec<Change<'a>>,
    gaps: usize,
    /// Whether values are taken from the run's generator in the same order as before, and then more
    /// or fewer.
    values_agree: bool,
}

/// What to do about a call that is new.
const GUARD: &str = "open runs may be past this place: put it under `if ctx.patched(\"…\") { … }`, \
                     which they skip; or give the workflow a new `version`, and keep this one for \
                     its open runs";
/// About one that is gone.
const KEEP: &str = "open runs may have made this call: keep it for them, under \
                    `if !ctx.patched(\"…\") { … }`; or give the workflow a new `version`, and keep \
                    this one for its open runs";
/// About one that is another, or elsewhere.
const BOTH: &str = "open runs may have gone the old way: keep both, `if ctx.patched(\"…\") { new } \
                    else { old }`; or give the workflow a new `version`, and keep this one for its \
                    open runs";

impl<'a> Changes<'a> {
    pub(super) fn of(old: &[Item], new: &[Item]) -> Self {
        let (was, is) = (values(old), values(new));
        let shorter = was.len().min(is.len());
        let values_agree = was[..shorter] == is[..shorter] && !was.contains(&"…".to_owned());
        Self { removed: Vec::new(), inserted: Vec::new(), gaps: 0, values_agree }
    }

    /// A number for another gap.
    pub(super) fn gap(&mut self) -> usize {
        self.gaps += 1;
        self.gaps
    }

    pub(super) fn report(self, findings: &mut Findings) {
        let Self { removed, inserted, values_agree, .. } = self;
        let mut taken_out = single_steps(&removed);
        let mut put_in = single_steps(&inserted);
        moved(&mut taken_out, &mut put_in, findings);
        exchanged(&mut taken_out, &mut put_in, findings);
        for change in &taken_out {
            gone(change, values_agree, findings);
        }
        for change in &put_in {
            added(change, values_agree, findings);
        }
        for (change, verb) in ends(&removed, "is gone").chain(ends(&inserted, "is new")) {
            let help = "open runs that came by here may not end, or go on, otherwise than before";
            let what = format!("`{}` {verb}", in_short(change.item));
            findings.add_at(Level::Warning, change.line, what, help);
        }
    }
}

/// Steps that stand somewhere else now.
fn moved<'a>(
    taken_out: &mut Vec<Change<'a>>,
    put_in: &mut Vec<Change<'a>>,
    findings: &mut Findings,
) {
    taken_out.retain(|old| {
        let same = |new: &Change<'_>| super::is_same_step(old.item, new.item);
        let Some(at) = put_in.iter().position(same) else { return true };
        let new = put_in.remove(at);
        let stands = |change: &Change<'_>| match change.before {
            Some(next) => format!("before `{}`", head(next)),
            None => "last".to_owned(),
        };
        let what = match (stands(old), stands(&new)) {
            (old_place, place) if old_place == place => {
                format!("`{}` was moved: something else is around it now", head(new.item))
            }
            (old_place, place) => {
                format!("`{}` was moved: it stood {old_place}, and stands {place}", head(new.item))
            }
        };
        findings.add_at(Level::Error, new.line, what, BOTH);
        false
    });
}

/// A step that stands where another of its kind stood.
fn exchanged<'a>(
    taken_out: &mut Vec<Change<'a>>,
    put_in: &mut Vec<Change<'a>>,
    findings: &mut Findings,
) {
    taken_out.retain(|old| {
        let same = |new: &Change<'_>| new.item.kind == old.item.kind && new.gap == old.gap;
        let Some(at) = put_in.iter().position(same) else { return true };
        let new = put_in.remove(at);
        let what = format!("`{}` became `{}`", head(old.item), head(new.item));
        let named = match new.item.kind {
            Kind::Activity => Some("activity"),
            Kind::Child => Some("workflow"),
            _ => None,
        };
        let help = match named {
            Some(attribute) => format!(
                "if only the function was renamed, keep the recorded name: \
                 `#[{attribute}(name = \"{}\")]`; else {BOTH}",
                old.item.label
            ),
            None => BOTH.to_owned(),
        };
        findings.add_at(Level::Error, new.line, what, help);
        false
    });
}

fn gone(change: &Change<'_>, values_agree: bool, findings: &mut Findings) {
    let item = change.item;
    if item.kind == Kind::Value && values_agree {
        return unused_value(change, "is gone", findings);
    }
    if item.kind == Kind::Call {
        return unknown(change, "is gone", findings);
    }
    let stood = match change.before {
        Some(next) => format!("it stood before `{}`", head(next)),
        None => "it stood last".to_owned(),
    };
    let what = format!("`{}` was removed; {stood}", head(item));
    findings.add_at(Level::Error, change.line, what, KEEP);
}

fn added(change: &Change<'_>, values_agree: bool, findings: &mut Findings) {
    let item = change.item;
    if item.kind == Kind::Value && values_agree {
        return unused_value(change, "is new", findings);
    }
    if change.at_end {
        let what = format!("`{}` was added at the end", head(item));
        let help = "a run that has passed everything before it has ended";
        return findings.add_at(Level::Note, change.line, what, help);
    }
    if item.kind == Kind::Call {
        return unknown(change, "is new", findings);
    }
    let stands = match change.before {
        Some(next) => format!("before `{}`", head(next)),
        None => "where open runs may have been".to_owned(),
    };
    let what = format!("`{}` was put in {stands}", head(item));
    findings.add_at(Level::Error, change.line, what, GUARD);
}

/// A value after which none is taken.
fn unused_value(change: &Change<'_>, verb: &str, findings: &mut Findings) {
    let what = format!("`{}` {verb}", head(change.item));
    findings.add_at(Level::Note, change.line, what, "no value is taken after it in open runs");
}

fn unknown(change: &Change<'_>, verb: &str, findings: &mut Findings) {
    let what = format!("`{}` {verb}, and what it does is not known", head(change.item));
    let help = "it is given the context and is no activity, workflow or `#[durable]` helper of this \
                program: if it calls something or takes a value, open runs differ from here on";
    findings.add_at(Level::Warning, change.line, what, help);
}

/// Each step of the changes by itself.
fn single_steps<'a>(changes: &[Change<'a>]) -> Vec<Change<'a>> {
    let steps = changes.iter().flat_map(|change| {
        steps_in(change.item).into_iter().map(|item| {
            let line = if change.line == change.item.line { item.line } else { change.line };
            Change { item, line, ..*change }
        })
    });
    steps.collect()
}

/// The ends among changes that have no step: an early return, say.
fn ends<'a>(
    changes: &'a [Change<'a>],
    verb: &'static str,
) -> impl Iterator<Item = (&'a Change<'a>, &'static str)> {
    let without_steps = changes.iter().filter(|change| steps_in(change.item).is_empty());
    without_steps.filter(|change| !change.at_end).map(move |change| (change, verb))
}

/// An item and what is inside, steps alone.
pub(super) fn steps_in(item: &Item) -> Vec<&Item> {
    let mut found = Vec::new();
    if item.kind.is_step() {
        found.push(item);
    }
    let inside = item.lanes.iter().flat_map(|lane| &lane.items);
    found.extend(inside.flat_map(steps_in));
    found
}

/// What one line says of it.
pub(super) fn head(item: &Item) -> String {
    let lines = graph::write(std::slice::from_ref(item));
    lines.first().map(|line| line.text.clone()).unwrap_or_default()
}

/// A way that ends, with how it does.
fn in_short(item: &Item) -> String {
    let inside = item.lanes.iter().flat_map(|lane| &lane.items).next();
    match inside {
        Some(end) => format!("{} … {}", head(item), in_short(end)),
        None => head(item),
    }
}

/// The values that are taken from the run's generator, in order; `…` where that is not known.
fn values(items: &[Item]) -> Vec<String> {
    let mut found = Vec::new();
    for item in items {
        if item.kind == Kind::Value {
            found.push(item.label.clone());
        }
        let inside: Vec<_> = item.lanes.iter().flat_map(|lane| values(&lane.items)).collect();
        let in_order = matches!(item.kind, Kind::If | Kind::Block | Kind::Timeout | Kind::Shield);
        if inside.is_empty() || in_order {
            found.extend(inside);
        } else {
            found.push("…".into());
        }
    }
    found
}
