//! What a call of a child, or a start, says about other runs: of its workflow id, and of its parent.

/// What to do when a run with the same workflow id exists.
///
/// A workflow id is an idempotency key for as long as its run is kept, ended or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ConflictPolicy {
    /// Refuse the start. The default.
    #[default]
    Reject,
    /// Give the run that exists; its input is not compared.
    UseExisting,
    /// Terminate the run if it is open, and start a new one under the same id.
    TerminateExisting,
    /// Start a new one if the run has ended without success: failed, timed out, cancelled or terminated.
    /// Else refuse the start.
    AllowIfFailed,
    /// Start a new one if the run has ended, however it did. Refuse the start while it is open.
    AllowIfClosed,
}

/// What becomes of a child that is still open when its parent ends, however that ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ClosePolicy {
    /// The child is asked to cancel, and may clean up. The default.
    #[default]
    Cancel,
    /// The child is terminated: its code does not run any more. Its own children are treated by their policies.
    Terminate,
    /// The child goes on, and nobody waits for its result.
    Abandon,
}

impl ClosePolicy {
    const ALL: [(Self, i16); 3] = [(Self::Cancel, 0), (Self::Terminate, 1), (Self::Abandon, 2)];

    /// The number it is stored as.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(policy, _)| *policy == self).map_or(0, |(_, code)| *code)
    }

    /// The policy stored as a number; one that is not known is the default.
    pub fn from_code(code: i16) -> Self {
        Self::ALL.iter().find(|(_, c)| *c == code).map(|(policy, _)| *policy).unwrap_or_default()
    }
}

/// Which children of a run are told that it has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CloseChildren {
    /// None: it has none, or its code has told them.
    #[default]
    None,
    /// Those that are to be terminated; its code has told the others.
    Terminated,
    /// All that are not to go on.
    All,
}

impl CloseChildren {
    /// The policies of those that are told.
    pub fn policies(self) -> &'static [ClosePolicy] {
        match self {
            Self::None => &[],
            Self::Terminated => &[ClosePolicy::Terminate],
            Self::All => &[ClosePolicy::Cancel, ClosePolicy::Terminate],
        }
    }
}
