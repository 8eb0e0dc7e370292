//! A type's shape: struct and field names, variants, element types.
//!
//! It asks the type's own `Deserialize` what it expects, so it sees what a codec would read: as a
//! [fingerprint] for postcard, and as [lines](Shape) of what JSON sees for the lock file. It never
//! keeps a value: each pass walks from the type down to one leaf and stops there, so that a type
//! which refuses dummy values hides nothing but itself.

mod access;
mod json;
mod probe;
#[cfg(test)]
mod tests;
mod tracer;
mod walk;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use serde::de::DeserializeOwned;

pub use self::json::Shape;
use self::tracer::Tracer;
use self::walk::Walk;
use crate::ids::fnv1a;

/// One pass over a type: all that is compiled for each.
type TracePass = fn(Tracer<'_>);

/// What it gives is of no interest: it is an error wherever a leaf was reached.
fn trace<T: DeserializeOwned>(tracer: Tracer<'_>) {
    drop(T::deserialize(tracer));
}

/// Fingerprints by the address of the code that computes them: one address does one thing, so two
/// types that share it have one shape.
static KNOWN: RwLock<Option<HashMap<usize, u64>>> = RwLock::new(None);

/// The fingerprint of `T`: equal for equal shapes, stable between builds and machines.
pub(crate) fn fingerprint<T: DeserializeOwned>() -> u64 {
    fingerprint_of(trace::<T>)
}

fn fingerprint_of(trace: TracePass) -> u64 {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(fingerprint) = known.as_ref().and_then(|known| known.get(&(trace as usize))) {
        return *fingerprint;
    }
    drop(known);
    let fingerprint = fnv1a(describe(trace).bytes());
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(trace as usize, fingerprint);
    fingerprint
}

/// The shape as text: one line for each way from the type to a leaf.
fn describe(trace: TracePass) -> String {
    let mut walk = Walk::default();
    let mut lines = String::new();
    while walk.begin() {
        trace(Tracer::new(&mut walk));
        if walk.end() {
            lines.push_str(walk.line());
            lines.push('\n');
        }
    }
    lines
}
