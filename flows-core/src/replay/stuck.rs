//! Why a run cannot go on in this build. It is neither failed nor lost: a mended build takes it up.

use std::fmt;

/// A run that cannot go on in this build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    message: String,
}

impl Stuck {
    /// A reason of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// The journal and the code disagree.
    pub(crate) fn mismatch(journal: &str, code: &str) -> Self {
        Self::new(format!(
            "the journal does not match this build\n  \
             journal: {journal}\n  \
             code:    {code}\n\
             Deploy the build that wrote the journal, or keep the old code for old runs \
             (a new `version` of the workflow)."
        ))
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stuck {}
