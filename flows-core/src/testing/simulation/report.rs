//! What a simulation says: that all schedules went well and what went wrong in them, or which seed
//! did not, and what it did.

use std::fmt;
use std::ops::AddAssign;

use super::chance::Fault;

/// How many lines of a trace are shown, unless one seed alone is played.
const SHOWN: usize = 60;

/// What a simulation did. Everything held.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Simulated {
    /// Schedules that were played.
    pub schedules: u64,
    /// Runs that a worker of the process that started them owned from the start.
    pub own_starts: u64,
    /// What went wrong in them, on purpose.
    pub faults: Faults,
    /// A number that follows from every call of every schedule: the same for the same seeds.
    pub trace: u64,
}

/// How often what went wrong.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Calls and activities that took long.
    pub slow: u64,
    /// Calls that failed and did nothing.
    pub refused: u64,
    /// Calls that were done and whose answer was lost.
    pub answers_lost: u64,
    /// Commits that were reported as failed and came later.
    pub late: u64,
    /// Starts, messages and commits that somebody's open transaction held up.
    pub held: u64,
    /// Processes that were killed.
    pub crashes: u64,
    /// Processes that were frozen, some for longer than their lease.
    pub freezes: u64,
    /// Processes that were asked to end.
    pub stops: u64,
    /// Hints that were lost, late or doubled.
    pub hints: u64,
}

impl Faults {
    pub(super) fn count(&mut self, fault: Fault) {
        let counter = match fault {
            Fault::Nothing => return,
            Fault::Slow { .. } => &mut self.slow,
            Fault::Refused => &mut self.refused,
            Fault::AnswerLost => &mut self.answers_lost,
            Fault::Late(_) => &mut self.late,
            Fault::Held => &mut self.held,
            Fault::Crash { .. } => &mut self.crashes,
            Fault::Freeze { .. } => &mut self.freezes,
            Fault::Stop => &mut self.stops,
        };
        *counter += 1;
    }
}

impl AddAssign for Faults {
    fn add_assign(&mut self, more: Self) {
        self.slow += more.slow;
        self.refused += more.refused;
        self.answers_lost += more.answers_lost;
        self.late += more.late;
        self.held += more.held;
        self.crashes += more.crashes;
        self.freezes += more.freezes;
        self.stops += more.stops;
        self.hints += more.hints;
    }
}

impl AddAssign for Simulated {
    fn add_assign(&mut self, more: Self) {
        self.schedules += more.schedules;
        self.own_starts += more.own_starts;
        self.faults += more.faults;
        self.trace = self.trace.wrapping_add(more.trace);
    }
}

/// A schedule in which something did not hold.
#[derive(Debug, Clone)]
pub struct SimulationError {
    pub(super) seed: Option<u64>,
    pub(super) violation: String,
    pub(super) trace: Vec<String>,
    /// Whether all of the trace is shown.
    pub(super) in_full: bool,
}

impl SimulationError {
    /// The seed: [`Simulation::seed`](super::Simulation::seed) plays the very same schedule again.
    /// `None` when it failed without any fault.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// What did not hold.
    pub fn violation(&self) -> &str {
        &self.violation
    }

    /// Every call of the schedule, in order, with its virtual time.
    pub fn trace(&self) -> &[String] {
        &self.trace
    }
}

impl fmt::Display for SimulationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.in_full { usize::MAX } else { SHOWN };
        let left_out = self.trace.len().saturating_sub(shown);
        if left_out > 0 {
            writeln!(f, "     … {left_out} calls before")?;
        }
        for line in &self.trace[left_out..] {
            writeln!(f, "{line}")?;
        }
        match self.seed {
            Some(seed) => write!(
                f,
                "seed {seed}: {}\nplay it again with `.seed({seed})`, or FLOWS_SEED={seed} in the \
                 environment",
                self.violation
            ),
            None => write!(f, "without any fault: {}", self.violation),
        }
    }
}

impl std::error::Error for SimulationError {}
