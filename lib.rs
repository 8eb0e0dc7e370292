//! Public facade of the `flows` library: re-exports, nothing else.
