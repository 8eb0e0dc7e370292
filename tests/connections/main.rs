//! What becomes of connections once they are open: nothing unfinished is pooled, nobody waits for ever,
//! and what a database refuses is said.

mod away;
mod proxy;
mod scene;
mod silent;
mod unfinished;
