//! The worker on the memory store.
