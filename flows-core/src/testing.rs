//! The testing kit: workflows on a store in memory, on virtual time, with mocked activities.
//!
//! Everything here is for tests. It never talks to a database; `flows` adds the way to run the same
//! test on PostgreSQL.

mod lock;

pub use lock::{Finding, Level, Lock, LockReport, check_lock, check_lock_at, check_lock_of};
