//! What becomes of connections once they are open: nothing unfinished is pooled, nobody waits for ever,
//! and what a database refuses is said.

mod away;
mod count;
mod full;
mod left_behind;
mod log;
mod proxy;
mod refused;
mod runtimes;
mod scene;
mod settings;
mod silent;
mod unfinished;
#[path = "../shared/waiting.rs"]
mod waiting;
