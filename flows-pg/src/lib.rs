//! PostgreSQL storage of the flows workflow library.
