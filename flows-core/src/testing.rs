//! The testing kit: workflows on a store in memory, on virtual time, with mocked activities.
//!
//! Everything here is for tests. It never talks to a database; `flows-pg` adds the way to run the
//! same test on PostgreSQL.

mod activity;
mod as_text;
mod calls;
mod causes;
mod crash;
mod debug;
mod difference;
mod env;
mod interceptor;
mod kit;
mod lock;
mod mock;
mod observed_store;
mod replay;
mod run;
mod simulation;
mod time;
mod waiting;

pub use activity::TestActivity;
pub use crash::{CrashEverywhere, crash_everywhere};
pub use debug::{Debug, Debugged, DebuggedTurn, debug, debug_history, debug_of};
pub use env::TestEnv;
pub(crate) use interceptor::TestInterceptor;
pub use lock::{Finding, Level, Lock, LockReport, check_lock, check_lock_at, check_lock_of};
pub use replay::{
    FailedRun, Failure, ReplayAll, ReplayError, Report, replay, replay_all, replay_with,
};
pub use run::{in_virtual_time, on_memory, passed};
#[doc(hidden)]
pub use simulation::Mutation;
pub use simulation::{Faults, Simulated, Simulation, SimulationError};
