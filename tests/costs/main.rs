//! What work costs, in counts that do not depend on the machine.
//!
//! Counted by the server itself (its statistics of statements and tables, its log), so that nothing
//! the library does can be forgotten. The figures are those of the budgets: a change that makes a
//! step dearer fails here, however fast the machine is.

mod attributes;
mod batch;
mod bench;
mod bloat;
mod children;
mod costs;
mod full;
mod growth;
mod idle;
mod large;
mod memory;
mod noops;
mod queries;
mod signals;
mod sleepers;
mod steps;
mod streams;
mod tasks;
mod transactions;
mod updates;
#[path = "../shared/waiting.rs"]
mod waiting;
mod workflows;
