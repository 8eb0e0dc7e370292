//! The testing kit, used as its users would.

mod activities;
mod attribute;
mod blocking;
mod bounds;
mod crash;
mod debug;
mod elsewhere;
mod first;
mod forgotten;
mod hidden;
mod mocks;
mod own_errors;
mod shop;
mod tasks;
mod time;
mod waiting;
