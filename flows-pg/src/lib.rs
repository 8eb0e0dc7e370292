//! PostgreSQL storage of the flows workflow library.

#[cfg(feature = "dev")]
pub mod dev;
