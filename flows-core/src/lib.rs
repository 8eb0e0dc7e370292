//! Runtime of the flows workflow library, without a database.
