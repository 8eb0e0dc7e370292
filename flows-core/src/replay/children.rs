//! What a run does with its children behind their start: it leaves them, tells them, or lets the store tell them.

use std::sync::Arc;

use super::op::{Op, What};
use super::state::State;
use super::task::ChildTask;
use super::turn::Command;
use crate::journal::Event;
use crate::policy::{CloseChildren, ClosePolicy};

impl State {
    /// Which children the store tells of the run's end.
    pub(crate) fn close_children(&self) -> CloseChildren {
        self.seldom.as_ref().map_or(CloseChildren::None, |seldom| seldom.close_children)
    }

    /// The store tells these children of the run's end, too.
    pub(crate) fn leaves_to_the_store(&mut self, children: CloseChildren) {
        if children > self.close_children() {
            self.seldom().close_children = children;
        }
    }

    /// Lets go of every child that the workflow waits for.
    pub(crate) fn abandon_children(&mut self) {
        let is_child =
            |(op, entry): (&u32, &Op)| matches!(entry.what, What::Child { .. }).then_some(*op);
        let children: Vec<_> = self.ops.iter().filter_map(is_child).collect();
        children.into_iter().for_each(|op| self.abandon(op));
    }

    /// Nobody waits for a child any more. If that is because the run ends, its policy decides; which is known at the end
    /// of the poll.
    pub(super) fn leave_child(&mut self, task: Arc<ChildTask>) {
        match task.on_close {
            ClosePolicy::Cancel => self.cancel_child(&task),
            ClosePolicy::Terminate | ClosePolicy::Abandon => self.seldom().left_children.push(task),
        }
    }

    /// The run goes on: whoever was left is asked to cancel.
    pub(super) fn cancel_left_children(&mut self) {
        let left = self.take_left_children();
        left.iter().for_each(|task| self.cancel_child(task));
    }

    fn take_left_children(&mut self) -> Vec<Arc<ChildTask>> {
        let seldom = self.seldom.as_mut();
        seldom.map(|seldom| std::mem::take(&mut seldom.left_children)).unwrap_or_default()
    }

    /// The poll has ended, and the run with it or not.
    pub(crate) fn settle_left_children(&mut self, ends: bool) {
        match ends {
            true => drop(self.take_left_children()),
            false => self.cancel_left_children(),
        }
    }

    /// Asks a child to cancel, once. In front of the last event of a journal without such a mark nothing
    /// is asked: the build that was there let the child go on.
    fn cancel_child(&mut self, task: &ChildTask) {
        if self.recorded_cancels.remove(&task.op) || self.events_ahead > 0 {
            return;
        }
        let left = || "its parent does not wait for it any more".to_owned();
        let reason = self.reason_here().unwrap_or_else(left);
        self.mark(Event::ChildCancelRequested { op: task.op });
        self.commands.push(Command::CancelChild { run: task.run, reason });
    }

    /// Sends a child a message of the code's, with its record. One that is recorded was sent, whatever it said;
    /// in front of the last event of a journal without one, the build that was there sent nothing.
    pub(crate) fn tell_child(&mut self, op: u32, record: Event, message: Command) {
        let recorded = self.seldom.as_mut().and_then(|seldom| seldom.recorded_tells.get_mut(&op));
        match recorded {
            Some(left) if *left > 0 => *left -= 1,
            _ if self.events_ahead > 0 => {}
            _ => {
                self.mark(record);
                self.commands.push(message);
            }
        }
    }
}
