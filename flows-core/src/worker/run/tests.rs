//! Tables: what reaches a run, and what comes of it.

mod completions;
mod ends;
mod inbox;
mod let_go;
mod lost_attempts;
mod order;
mod parking;
mod phases;
mod queries;
mod results;
mod spills;
mod stage;
mod streams;
mod suspects;
mod terminated;
mod timers;
mod updates;
mod world;
mod writes;
