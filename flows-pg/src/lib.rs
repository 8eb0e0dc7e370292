//! PostgreSQL storage of the flows workflow library.
//!
//! [`PgStore`] implements [`flows_core::store::Store`]: one file per verb, one file in `sql/` per
//! statement. What workers do runs on connections of their own, as a role that sees all tenants;
//! what clients do runs in short transactions on a pool, as a role that sees one.

mod attributes;
mod builder;
mod check;
mod check_tasks;
mod claim;
mod claim_stuck;
mod claim_tasks;
mod closing;
mod collect;
mod commit;
mod connect;
mod counters;
mod dead_letters;
mod describe;
#[cfg(feature = "dev")]
pub mod dev;
mod dismiss;
mod end_tasks;
mod engine;
mod error;
mod exactly_once;
mod find;
mod fork;
mod held;
mod hints;
mod history;
mod link;
mod list;
mod load;
mod migrate;
mod names;
mod outcomes;
mod overdue;
mod parts;
mod pause;
mod poll;
mod pooler;
mod publish_items;
mod query;
mod read_inboxes;
mod read_items;
mod register;
mod relay;
mod release;
mod reload;
mod renew;
mod rerun;
mod reserve;
mod retire;
mod retry_stuck;
mod rows;
mod scan;
mod schedules;
mod scope;
mod send;
mod session;
mod settings;
mod signal_with_start;
mod source;
mod sql;
mod start;
mod store;
mod stuck;
mod tell_children;
mod tenant;
mod terminate;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;
mod types;
mod unfinished;
mod updates;

pub use deadpool_postgres;
pub use tokio_postgres;
pub use tokio_postgres::Transaction;

pub use builder::EngineBuilder;
pub use engine::Engine;
pub use store::PgStore;
pub use transaction::Postgres;

/// What the macros reach.
#[doc(hidden)]
pub mod __private {
    pub use crate::exactly_once::in_transaction;
}
