//! What the library does, seen from outside: each behaviour on the memory store and on PostgreSQL.
//!
//! Only the public API is used here. A behaviour is a function of an [`Env`](harness::Env);
//! `on_every_store!` makes two tests of it.

#[macro_use]
mod harness;
mod gates;
mod logs;
mod meddler;
#[path = "../shared/waiting.rs"]
mod waiting;
mod world;

mod attributes;
mod batches;
mod blocking;
mod bounds;
mod building;
mod cancelling;
mod child_handles;
mod children;
mod clockwork;
mod close_policies;
mod completing;
mod connections;
mod dead_letters;
mod elsewhere;
mod errors;
mod forked_updates;
mod forks;
mod headers;
mod hoarding;
mod layers;
mod lifetimes;
mod limits;
mod looking;
mod many;
mod order;
mod own_starts;
mod panics;
mod pausing;
mod payloads;
mod queries;
mod replaying;
mod retries;
mod saga;
mod schedules;
mod scopes;
mod sealing;
mod short_form;
mod signal_with_start;
mod signals;
mod sizes;
mod spilling;
mod starting;
mod streams;
mod stuck;
mod suspects;
mod telemetry;
mod tenants;
mod terminating;
mod texts;
mod unsure;
mod untold;
mod updates;
mod values;
mod versions;
mod workers;
