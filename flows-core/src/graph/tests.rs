//! What graphs look like.
