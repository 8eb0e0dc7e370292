//! What the library's ancestor promised its users, each promise as a test on PostgreSQL.

mod dead_letters;
mod order;
mod replay;
mod scene;
mod tenants;
mod transactions;
#[path = "../shared/waiting.rs"]
mod waiting;
