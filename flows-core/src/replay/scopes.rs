//! Scopes of a run that are cancelled by themselves: which are, and which the code that is polled is in.

/// A run's scopes, by their numbers.
#[derive(Default)]
pub(crate) struct Scopes {
    /// Why each was cancelled.
    reasons: Vec<Option<String>>,
    /// Those that what is polled now is in, from the outermost: each with the number of shields around it.
    entered: Vec<(usize, u32)>,
}

impl Scopes {
    /// The number of a new scope.
    pub(crate) fn begin(&mut self) -> u32 {
        self.reasons.push(None);
        u32::try_from(self.reasons.len() - 1).unwrap_or(u32::MAX)
    }

    /// Cancels a scope; `false`, if it was cancelled before.
    pub(super) fn cancel(&mut self, scope: u32, reason: String) -> bool {
        match self.reasons.get_mut(scope as usize) {
            Some(empty @ None) => {
                *empty = Some(reason);
                true
            }
            _ => false,
        }
    }

    /// Why a scope was cancelled.
    pub(crate) fn reason(&self, scope: u32) -> Option<&str> {
        self.reasons.get(scope as usize)?.as_deref()
    }

    /// What is polled from here on is in the scope.
    pub(crate) fn enter(&mut self, scope: u32, shields: u32) {
        self.entered.push((scope as usize, shields));
    }

    pub(crate) fn leave(&mut self) {
        self.entered.pop();
    }

    /// The reason of the innermost cancelled scope with no shield inside it.
    pub(super) fn cancelled(&self, shields: u32) -> Option<&str> {
        let inside = self.entered.iter().rev().take_while(|(_, around)| *around == shields);
        inside.filter_map(|(scope, _)| self.reasons.get(*scope)?.as_deref()).next()
    }
}
