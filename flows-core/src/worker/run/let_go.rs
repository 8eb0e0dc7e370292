//! Paused runs: the worker lets go of them.
//!
//! What runs already may end: the turn that is being made, and the attempts of activities. Their results are recorded
//! as always, with what the code decides next; but nothing of that starts here. Then the run is parked. If it has left
//! anything to do (messages, timers that are due, attempts to start), it is ready again at once, and who claims it
//! when the pause is over does that.

use super::{Code, Incoming, Run};

/// Whether a run is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LettingGo {
    No,
    Yes,
    /// And it has left something to do.
    WithWork,
}

impl<M: Code> Run<M> {
    /// From now on it takes in the ends of its attempts, and nothing else.
    pub(super) fn let_go(&mut self) {
        if self.is_letting_go() {
            return;
        }
        self.letting_go = LettingGo::Yes;
        let before = std::mem::take(&mut self.inbox.todo);
        for work in before {
            if self.goes_in(&work) {
                self.inbox.todo.push_back(work);
            }
        }
    }

    pub(super) fn is_letting_go(&self) -> bool {
        self.letting_go != LettingGo::No
    }

    /// Whether there is something to do when it is claimed again. What it has not read counts.
    pub(super) fn leaves_work(&self) -> bool {
        self.letting_go == LettingGo::WithWork || (self.is_letting_go() && self.reads_on_later())
    }

    /// Whether the run takes this in; what it does not, it leaves.
    pub(super) fn goes_in(&mut self, work: &Incoming) -> bool {
        let goes_in = match work {
            _ if !self.is_letting_go() => true,
            Incoming::Event(event) => event.is_end_of_attempt(),
            Incoming::Message(_) | Incoming::Left(_) => false,
            Incoming::Committed(_) | Incoming::Ended(_) | Incoming::Settled(..) => true,
        };
        if !goes_in {
            self.letting_go = LettingGo::WithWork;
        }
        goes_in
    }
}
