//! The program in edition 2024, under lints that many a team has switched on. Forbidden is what no code
//! may allow again, whoever wrote it.
#![forbid(dead_code, missing_docs, unsafe_code, unused_imports)]
#![deny(warnings, clippy::all, clippy::pedantic)]
#![warn(elided_lifetimes_in_paths, explicit_outlives_requirements, keyword_idents)]
#![warn(missing_debug_implementations, single_use_lifetimes)]
#![warn(
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unreachable_pub,
    unused_qualifications
)]
#![warn(let_underscore_drop, unused_lifetimes, unused_import_braces, variant_size_differences)]

#[path = "../program.rs"]
pub mod program;
