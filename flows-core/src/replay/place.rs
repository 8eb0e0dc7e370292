//! Places in the user's sources.

use std::panic::Location;

/// A place in the user's sources.
pub(crate) type Place = &'static Location<'static>;
