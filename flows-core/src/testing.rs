//! The testing kit: workflows on a store in memory, on virtual time, with mocked activities.
//!
//! Everything here is for tests. It never talks to a database; `flows` adds the way to run the same
//! test on PostgreSQL.

mod replay;
mod simulation;

pub use replay::{
    FailedRun, Failure, ReplayAll, ReplayError, Report, replay, replay_all, replay_with,
};
pub use simulation::{Faults, Simulated, Simulation, SimulationError};
