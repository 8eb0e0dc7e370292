//! Every interleaving of some actors, and what must hold in each.

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::database::{Database, Done, Row};
use crate::program::{Mind, Process, Program, World, number};
use crate::protocol::STUCK;

/// Where the run is at first, and who does something about it. An owner knows of a message that it has
/// not recorded yet.
pub(crate) struct Scenario {
    pub(crate) place: Row,
    pub(crate) actors: Vec<(&'static str, Program)>,
}

/// A schedule that breaks the protocol.
pub(crate) struct Violation {
    pub(crate) what: String,
    pub(crate) trace: Vec<(&'static str, &'static str, Done)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    processes: Vec<Process>,
}

impl Scenario {
    /// Explores all schedules; gives the number of states.
    pub(crate) fn explore(&self) -> Result<usize, Violation> {
        let mut search = Search { scenario: self, seen: HashSet::new(), trace: Vec::new() };
        match search.visit(&self.start()) {
            Ok(()) => Ok(search.seen.len()),
            Err(what) => Err(Violation { what, trace: search.trace }),
        }
    }

    fn start(&self) -> State {
        let mut rows = vec![Row::Run { open: true }, self.place];
        let mut minds: [Mind; 3] = Default::default();
        if let Row::Owned { worker, .. } = self.place {
            let known = [0].into_iter().collect();
            minds[usize::from(worker)] = Mind { held: true, known, seen: 1, ..Mind::default() };
            rows.push(Row::Message(0));
        }
        let database = Database::new(&rows, self.actors.len());
        let world = World { database, minds, acknowledged: Vec::new() };
        State { world, processes: vec![Process::default(); self.actors.len()] }
    }
}

struct Search<'a> {
    scenario: &'a Scenario,
    seen: HashSet<u64>,
    trace: Vec<(&'static str, &'static str, Done)>,
}

impl Search<'_> {
    fn visit(&mut self, state: &State) -> Result<(), String> {
        if !self.seen.insert(hash_of(state)) {
            return Ok(());
        }
        always(&state.world)?;
        let mut stands_still = true;
        for (actor, (name, program)) in self.scenario.actors.iter().enumerate() {
            if program.is_over(&state.processes[actor]) {
                continue;
            }
            let mut next = state.clone();
            let label = program.label(&state.processes[actor]);
            let done = program.step(actor, &mut next.processes[actor], &mut next.world);
            if done == Done::Blocked {
                continue;
            }
            stands_still = false;
            self.trace.push((name, label, done));
            if done == Done::Failed {
                return Err("a unique key was violated".to_owned());
            }
            self.visit(&next)?;
            self.trace.pop();
        }
        if stands_still { self.at_last(state) } else { Ok(()) }
    }

    /// What must hold when nobody has anything left to do.
    fn at_last(&self, state: &State) -> Result<(), String> {
        let mut actors = self.scenario.actors.iter().zip(&state.processes);
        if let Some(((name, _), _)) = actors.find(|((_, program), p)| !program.is_idle(p)) {
            return Err(format!("deadlock of {name}"));
        }
        let is_stuck = state.world.database.committed().any(|row| STUCK(row, &Mind::default(), 0));
        if is_stuck && self.scenario.actors.iter().any(|(name, _)| *name == "registration") {
            return Err("it is still stuck".to_owned());
        }
        let lost = lost(&state.world);
        if lost { Err(format!("a message is lost: {:?}", state.world)) } else { Ok(()) }
    }
}

/// Whether there is a message, or a journal row that consumed one, and nobody will look at it.
fn lost(world: &World) -> bool {
    let rows: Vec<_> = world.database.committed().collect();
    let messages = rows.iter().filter_map(|row| number(*row));
    let length = rows.iter().filter(|row| matches!(row, Row::Journal(_))).count();
    match rows.iter().find(|row| row.is_place()) {
        Some(Row::Ready | Row::Owned { has_messages: true, .. }) => false,
        Some(Row::Owned { worker, .. }) => {
            let mind = &world.minds[usize::from(*worker)];
            if mind.dropped {
                return false; // it will be read again
            }
            let stale = mind.known.is_empty() && usize::from(mind.position) < length;
            stale || messages.into_iter().any(|message| !mind.known.contains(message))
        }
        Some(Row::Parked { stuck: true, .. }) => false,
        Some(Row::Parked { known, .. }) => usize::from(*known) < length || messages.count() > 0,
        _ => messages.count() > 0,
    }
}

/// What must hold after every step, for everybody to see.
fn always(world: &World) -> Result<(), String> {
    let places: Vec<_> = world.database.committed().filter(|row| row.is_place()).collect();
    let open = world.database.committed().any(|row| row == Row::Run { open: true });
    if places.len() != usize::from(open) {
        return Err(format!(
            "the run is {}, its places: {places:?}",
            ["closed", "open"][open as usize]
        ));
    }
    if !world.acknowledged.is_sorted() {
        return Err(format!("messages in the order of their commits: {:?}", world.acknowledged));
    }
    Ok(())
}

fn hash_of(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        let mut steps = self.trace.iter();
        steps.try_for_each(|(actor, line, done)| writeln!(f, "  {actor}: {line} ({done:?})"))
    }
}
