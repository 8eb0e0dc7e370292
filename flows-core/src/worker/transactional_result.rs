//! How activities ask the executor of their run for the record of a transactional result.

use tokio::sync::mpsc::UnboundedSender;

use super::executor::Executor;
use super::message::{Message, ResultReady};
use super::run::{Input, ResultRequest};
use crate::context::{RecordRequest, RecordSource};
use crate::ids::RunKey;

/// Sends an attempt's requests to the executor of its run.
pub(super) struct AttemptRecords {
    pub(super) executor: UnboundedSender<Message>,
    pub(super) key: RunKey,
    pub(super) residency: u64,
    pub(super) op: u32,
    pub(super) attempt: u32,
}

impl RecordSource for AttemptRecords {
    fn ask(&self, request: RecordRequest) {
        let Self { key, residency, op, attempt, .. } = *self;
        let result = ResultReady { key, residency, op, attempt, request };
        drop(self.executor.send(Message::ResultReady(result))); // nobody is left to grant it
    }
}

impl Executor {
    /// A transactional activity has its result and wants it recorded. Dropping the request refuses it.
    pub(super) fn result_ready(&mut self, result: ResultReady) {
        let ResultReady { key, residency, op, attempt, request: RecordRequest { output, reply } } =
            result;
        let resident = self.runs.get_mut(&key);
        let Some(resident) = resident.filter(|it| it.residency == residency) else { return };
        self.tickets += 1;
        resident.replies.push((self.tickets, reply));
        let request = ResultRequest { ticket: self.tickets, op, attempt, output };
        let after = self.outside.handle(key, resident, Input::ResultReady(request));
        self.follow(key, after);
    }
}
