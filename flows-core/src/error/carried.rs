//! Finds the [`Error`](super::Error) that an error of another type stands for.
//!
//! `#[error(transparent)]` of `thiserror`, messages and contexts of `anyhow` and `eyre`: their types
//! cannot be named, and what they hold is not their source. But who stands for an error says what it
//! says. So the library's error is noted when it is asked for its text, and is the one that is looked
//! for if that is the whole text.

use std::cell::Cell;

use super::{AnyError, Contents, text};

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    /// The error that has said its text last.
    static HEARD: Cell<Option<Box<Contents>>> = const { Cell::new(None) };
}

/// What an error says, and the library's error that it stands for.
pub(super) fn text_of(error: &AnyError, limit: usize) -> (String, Option<Box<Contents>>) {
    let listening = Listening::begin();
    let said = text::displayed(error, limit);
    drop(listening);
    let heard = HEARD.take().filter(|heard| text::displayed(&heard.message, limit) == said);
    (said, heard)
}

/// An error says its text.
pub(super) fn says(error: &Contents) {
    if LISTENING.try_with(Cell::get).unwrap_or(false) {
        HEARD.set(Some(Box::new(error.clone())));
    }
}

/// Until the end of it, also by a panic, what errors say is noted.
struct Listening {
    before: bool,
}

impl Listening {
    fn begin() -> Self {
        HEARD.set(None);
        Self { before: LISTENING.replace(true) }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENING.set(self.before);
    }
}
