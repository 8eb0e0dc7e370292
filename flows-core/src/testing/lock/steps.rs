//! The call sites of a workflow, before and after an edit: would a run that was begun with the old
//! code find its way through the new one?
//!
//! Both are aligned as trees. What was put in, taken out or moved in front of something else is an
//! error; what only changes a decision is a warning, because the decision may be the same. Code
//! behind a patch that the lock does not know is seen as an old run sees it: through its `else`.

use super::align::{Gap, align, gaps, side_by_side};
use super::report::{Findings, Level};
use super::snapshot::Key;
use crate::graph::{Item, Kind, Lane};

mod changes;
mod options;
mod patches;

use changes::{Change, Changes};
pub(super) use options::QUEUES;

/// Definitions that were renamed: each has its own finding, and its calls need none.
#[derive(Default)]
pub(super) struct Renames(Vec<(Key, Key)>);

impl Renames {
    pub(super) fn add(&mut self, old: Key, new: Key) {
        self.0.push((old, new));
    }

    pub(super) fn of(&self, old: &Key) -> Option<&Key> {
        self.0.iter().find(|(from, _)| from == old).map(|(_, to)| to)
    }

    pub(super) fn lead_to(&self, new: &Key) -> bool {
        self.0.iter().any(|(_, to)| to == new)
    }

    /// Old items under the new names.
    pub(super) fn apply(&self, items: &[Item]) -> Vec<Item> {
        let mut items = items.to_vec();
        items.iter_mut().for_each(|item| self.rename(item));
        items
    }

    fn rename(&self, item: &mut Item) {
        let label = |key: &Key| match key {
            Key::Signal(name) | Key::Update(name) => format!("{name:?}"),
            other => other.name().to_owned(),
        };
        let fits = |key: &Key| match key {
            Key::Activity(_) => item.kind == Kind::Activity,
            Key::Signal(_) => matches!(item.kind, Kind::Signal | Kind::TrySignal),
            Key::Update(_) => matches!(item.kind, Kind::Update | Kind::TryUpdate),
            Key::Workflow(..) => item.kind == Kind::Child,
        };
        let found = self.0.iter().find(|(old, _)| fits(old) && label(old) == item.label);
        if let Some((_, new)) = found {
            item.label = label(new);
        }
        let lanes = item.lanes.iter_mut().flat_map(|lane| &mut lane.items);
        lanes.for_each(|item| self.rename(item));
    }
}

/// Says what changed from `old` to `new`.
pub(super) fn compare(old: &[Item], new: &[Item], findings: &mut Findings) {
    let [old, new] = [old, new].map(options::of_scopes);
    let (old, new) = patches::as_an_old_run_sees_it(&old, &new, findings);
    let mut walk = StepWalk { changes: Changes::of(&old, &new), findings };
    walk.sequence(&old, &new, SequencePosition { last: true, ends: true });
    walk.changes.report(walk.findings);
}

/// Where in the workflow a sequence stands.
#[derive(Clone, Copy)]
struct SequencePosition {
    /// Nothing of the workflow comes after it.
    last: bool,
    /// `return` in it ends the run.
    ends: bool,
}

struct StepWalk<'a> {
    changes: Changes<'a>,
    findings: &'a mut Findings,
}

impl<'a> StepWalk<'a> {
    fn sequence(&mut self, old: &'a [Item], new: &'a [Item], place: SequencePosition) {
        let place =
            SequencePosition { last: place.last || place.ends && ends_the_run(old), ..place };
        let pairs = align(old, new, score);
        for Gap { old: gone, new: put_in } in gaps(&pairs, (old.len(), new.len())) {
            let at_end = place.last && old[gone.end..].iter().all(|item| item.kind.is_end());
            let (before, line) = next(&old[gone.end..], &new[put_in.end..], &new[..put_in.end]);
            let gap = self.changes.gap();
            for item in &old[gone] {
                self.changes.removed.push(Change { item, before, line, gap, at_end: false });
            }
            for item in &new[put_in] {
                let line = item.line;
                self.changes.inserted.push(Change { item, before, line, gap, at_end });
            }
        }
        for (i, j) in pairs {
            let last = place.last && old[i + 1..].iter().all(|item| item.kind.is_end());
            self.item(&old[i], &new[j], SequencePosition { last, ..place });
        }
    }

    /// Two items that stand for the same.
    fn item(&mut self, old: &'a Item, new: &'a Item, place: SequencePosition) {
        self.label(old, new);
        options::compare(old, new, self.findings);
        let inside = match new.kind {
            Kind::If | Kind::IfPatched | Kind::Match | Kind::LetElse | Kind::Block => place,
            Kind::Select => place,
            Kind::Async | Kind::Closure | Kind::Join | Kind::TryJoin => {
                SequencePosition { last: false, ends: false }
            }
            _ => SequencePosition { last: false, ..place },
        };
        match new.kind {
            Kind::Match => self.arms(old, new, inside),
            Kind::Join | Kind::TryJoin => self.futures(old, new, place),
            Kind::Select => self.select(old, new, inside),
            _ => {
                for at in 0..old.lanes.len().max(new.lanes.len()) {
                    self.sequence(lane(old, at), lane(new, at), inside);
                }
            }
        }
    }

    /// What an item is about, where it may change without being another one.
    fn label(&mut self, old: &Item, new: &Item) {
        let (was, is) = (&old.label, &new.label);
        let same_kind = old.kind == new.kind;
        if same_kind && was == is {
            return;
        }
        match new.kind {
            Kind::If | Kind::Match | Kind::LetElse | Kind::While | Kind::For | Kind::Loop => {
                let word = new.kind.word();
                self.findings.add_at(
                    Level::Warning,
                    new.line,
                    format!("`{} {was}` became `{word} {is}`", old.kind.word()),
                    "open runs decide again when they are replayed: it must be the same decision \
                     in other words. `flows::testing::replay_all` tries it on them",
                );
            }
            Kind::Sleep | Kind::SleepUntil | Kind::Timeout => self.findings.add_at(
                Level::Note,
                new.line,
                format!("`{} {was}` became `{} {is}`", old.kind.word(), new.kind.word()),
                "what has fired stays so; what is still waiting gets the new time when its run \
                 is replayed",
            ),
            Kind::Join | Kind::TryJoin => self.findings.add_at(
                Level::Warning,
                new.line,
                format!("`{}` became `{}`", old.kind.word(), new.kind.word()),
                "runs in which a future failed may go on otherwise",
            ),
            Kind::Undo => self.findings.add_at(
                Level::Warning,
                new.line,
                format!("`undo {was}` became `undo {is}`"),
                "open runs that are about to undo this step have called the one and would call the other",
            ),
            Kind::MapConcurrent | Kind::StreamConcurrent | Kind::Batch => self.findings.add_at(
                Level::Error,
                new.line,
                format!("`{} {was}` became `{} {is}`", old.kind.word(), new.kind.word()),
                "open runs have called as many at once as the old limit allowed, and would call \
                 others when they are replayed. Keep the old call for them behind `ctx.patched(..)`",
            ),
            Kind::Signal | Kind::TrySignal | Kind::Update if was != is => self.findings.add_at(
                Level::Warning,
                new.line,
                format!("the name `{was}` became `{is}`"),
                "open runs wait for the name that they computed: it must be the same",
            ),
            _ => {}
        }
    }

    fn arms(&mut self, old: &'a Item, new: &'a Item, place: SequencePosition) {
        for (was, is) in side_by_side(&old.lanes, &new.lanes, |a, b| a.label == b.label) {
            match (was.map(|at| &old.lanes[at]), is.map(|at| &new.lanes[at])) {
                (Some(was), Some(is)) => {
                    if was.label != is.label {
                        self.decision(
                            new.line,
                            format!("the arm `{}` became `{}`", was.label, is.label),
                        );
                    }
                    self.sequence(&was.items, &is.items, place);
                }
                (None, Some(is)) => {
                    self.decision(new.line, format!("the arm `{}` is new", is.label))
                }
                (Some(was), None) => {
                    self.decision(new.line, format!("the arm `{}` is gone", was.label));
                    self.sequence(&was.items, &[], place);
                }
                (None, None) => {}
            }
        }
    }

    fn decision(&mut self, line: u32, what: String) {
        let help = "open runs that decided here may not decide otherwise when they are replayed";
        self.findings.add_at(Level::Warning, line, what, help);
    }

    /// The futures of a join: a new one behind all others is called after them.
    fn futures(&mut self, old: &'a Item, new: &'a Item, place: SequencePosition) {
        let inside = SequencePosition { last: false, ends: false };
        let single = old.lanes.iter().all(|lane| lane.items.len() <= 1);
        for (was, is) in side_by_side(&old.lanes, &new.lanes, |a, b| steps(a) == steps(b)) {
            let (gone, added) = (was.map(|at| &old.lanes[at]), is.map(|at| &new.lanes[at]));
            if let (None, Some(added)) = (gone, added) {
                let behind = is.is_some_and(|at| at >= old.lanes.len());
                let at_end = place.last && single && behind;
                let gap = self.changes.gap();
                for item in &added.items {
                    let line = item.line;
                    let change = Change { item, before: None, line, gap, at_end };
                    self.changes.inserted.push(change);
                }
                continue;
            }
            let items = |lane: Option<&'a Lane>| lane.map_or(&[][..], |lane| &lane.items);
            self.sequence(items(gone), items(added), inside);
        }
    }

    /// The arms of a select: all futures are called before anything else.
    fn select(&mut self, old: &'a Item, new: &'a Item, place: SequencePosition) {
        let (was, is): (Vec<_>, Vec<_>) =
            (old.lanes.chunks(2).collect(), new.lanes.chunks(2).collect());
        let inside = SequencePosition { last: false, ends: false };
        let body = |arm: &&'a [Lane]| arm.get(1).map_or(&[][..], |lane| &lane.items[..]);
        for (i, j) in side_by_side(&was, &is, |a, b| steps(&a[0]) == steps(&b[0])) {
            let (was, is) = (i.map(|at| was[at]), j.map(|at| is[at]));
            let future = |arm: Option<&'a [Lane]>| arm.map_or(&[][..], |arm| &arm[0].items);
            self.sequence(future(was), future(is), inside);
            let bodies = [was, is].map(|arm| arm.as_ref().map_or(&[][..], body));
            if was.is_some() {
                self.sequence(bodies[0], bodies[1], place);
            }
        }
    }
}

/// How much speaks for two items being the same one; 0 if they cannot be.
fn score(old: &Item, new: &Item) -> usize {
    let same_label = old.label == new.label;
    if old.kind.is_end() || new.kind.is_end() {
        return usize::from(old.kind == new.kind);
    }
    if old.kind.is_step() && old.lanes.is_empty() && new.lanes.is_empty() {
        return if is_same_step(old, new) { 6 + usize::from(same_label) } else { 0 };
    }
    if family(old.kind) != family(new.kind) || old.kind == Kind::IfPatched && !same_label {
        return 0;
    }
    let (was, is) = (changes::steps_in(old), changes::steps_in(new));
    let common = was.iter().filter(|step| is.iter().any(|other| is_same_step(step, other)));
    1 + 2 * usize::from(same_label) + 6 * common.count()
}

/// Whether a run would not tell one from the other.
fn is_same_step(old: &Item, new: &Item) -> bool {
    use Kind::{
        Activity, Again, Call, Child, Signal, Sleep, SleepUntil, Timeout, TrySignal, Update,
    };
    let plain = |label: &str| label.rsplit("::").next().unwrap_or_default().to_owned();
    match (old.kind, new.kind) {
        (Sleep | SleepUntil, Sleep | SleepUntil) | (Timeout, Timeout) => true,
        (Call, Activity | Child | Again | Call) | (Activity | Child | Again, Call) => {
            plain(&old.label) == plain(&new.label)
        }
        (Signal, Signal) | (TrySignal, TrySignal) | (Update, Update) => {
            let computed = |item: &Item| !item.label.starts_with('"');
            old.label == new.label || computed(old) && computed(new)
        }
        (old_kind, kind) => old_kind == kind && old.label == new.label,
    }
}

/// Kinds that may become one another without another call.
fn family(kind: Kind) -> Kind {
    match kind {
        Kind::While | Kind::For => Kind::Loop,
        Kind::TryJoin => Kind::Join,
        Kind::TryJoinAll => Kind::JoinAll,
        other => other,
    }
}

fn steps(lane: &Lane) -> Vec<String> {
    let steps = lane.items.iter().flat_map(changes::steps_in);
    steps.map(changes::head).collect()
}

fn lane(item: &Item, at: usize) -> &[Item] {
    item.lanes.get(at).map_or(&[], |lane| &lane.items)
}

/// Whether what comes after a sequence is not reached from it.
fn ends_the_run(items: &[Item]) -> bool {
    let last = items.last().map(|item| item.kind);
    matches!(last, Some(Kind::Return | Kind::ContinueAsNew | Kind::Panic))
}

/// What comes next after a gap, and the line where that is.
fn next<'a>(old: &'a [Item], new: &'a [Item], before: &'a [Item]) -> (Option<&'a Item>, u32) {
    let following = old.first();
    let line = new.first().or(before.last()).map_or(0, |item| item.line);
    (following, line)
}
