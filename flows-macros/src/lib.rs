//! Attribute macros of the flows workflow library.
