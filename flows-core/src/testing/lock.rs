//! `flows.lock`: what open runs depend on, in a file beside the user's Cargo.toml.
//!
//! For each workflow the shapes of input and output and the call sites; for each activity and each
//! typed signal the shapes. A test compares it with the code, and fails when an edit would break
//! runs that are open: before the edit is deployed, and without a database. What it cannot know,
//! how far runs have come, it takes as the worst case; `replay_all` looks at the runs themselves.
//!
//! ```text
//! snapshot: Registry ──► Lock ──► file: text        compare: Lock × Lock ──► report
//! ```

mod align;
mod check;
mod compare;
mod file;
mod report;
mod shapes;
mod snapshot;
mod steps;
#[cfg(test)]
mod tests;

pub use check::{check_lock, check_lock_at, check_lock_of};
pub use report::{Finding, Level, LockReport};
pub use snapshot::Lock;
