//! Signals of a run by name: those that have arrived, and the operations that wait for them.
//!
//! A signal goes to the operation that was called first; one whose operation was dropped goes back
//! to the front.

use std::collections::{BTreeMap, VecDeque};

use crate::payload::Payload;

/// The name under which updates stand in the queues of signals: no signal has it.
pub(crate) fn channel(name: &str) -> String {
    format!("\0{name}")
}

/// The name of an update, of the name of a queue.
pub(crate) fn update_of(channel: &str) -> Option<&str> {
    channel.strip_prefix('\0')
}

#[derive(Debug, Default)]
pub(crate) struct Signals {
    names: BTreeMap<String, Queue>,
    /// Of those that have arrived and were not received.
    bytes: usize,
}

/// What a signal takes in memory beside its payload.
const EACH: usize = 64;

#[derive(Debug, Default)]
struct Queue {
    arrived: VecDeque<Payload>,
    waiting: VecDeque<u32>,
}

impl Signals {
    /// Registers an operation; gives a signal that has arrived already.
    pub(crate) fn wait(&mut self, name: &str, op: u32) -> Option<Payload> {
        let queue = self.queue(name);
        if queue.arrived.is_empty() {
            queue.waiting.push_back(op);
        }
        self.take(name)
    }

    /// Takes a signal that has arrived, without waiting.
    pub(crate) fn take(&mut self, name: &str) -> Option<Payload> {
        let taken = self.names.get_mut(name)?.arrived.pop_front()?;
        self.bytes -= EACH + taken.len();
        Some(taken)
    }

    /// A signal arrives; says which operation gets it.
    pub(crate) fn arrive(&mut self, name: &str, payload: Payload) -> Option<(u32, Payload)> {
        self.queue_up(name, payload, VecDeque::push_back)
    }

    /// An operation that had received `payload` was dropped before it was awaited.
    pub(crate) fn give_back(&mut self, name: &str, payload: Payload) -> Option<(u32, Payload)> {
        self.queue_up(name, payload, VecDeque::push_front)
    }

    fn queue_up(
        &mut self,
        name: &str,
        payload: Payload,
        push: impl FnOnce(&mut VecDeque<Payload>, Payload),
    ) -> Option<(u32, Payload)> {
        let queue = self.queue(name);
        if let Some(op) = queue.waiting.pop_front() {
            return Some((op, payload));
        }
        let bytes = EACH + payload.len();
        push(&mut queue.arrived, payload);
        self.bytes += bytes;
        None
    }

    /// The size of all that have arrived and were not received.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names that operations wait for.
    pub(crate) fn awaited(&self) -> Vec<String> {
        let waited = self.names.iter().filter(|(_, queue)| !queue.waiting.is_empty());
        waited.map(|(name, _)| name.clone()).collect()
    }

    /// Whether an operation waits for the name.
    pub(crate) fn is_awaited(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|queue| !queue.waiting.is_empty())
    }

    /// An operation waits, in front of those that wait.
    pub(crate) fn wait_first(&mut self, name: &str, op: u32) {
        self.queue(name).waiting.push_front(op);
    }

    /// An operation does not wait any more.
    pub(crate) fn forget(&mut self, name: &str, op: u32) {
        if let Some(queue) = self.names.get_mut(name) {
            queue.waiting.retain(|waiting| *waiting != op);
        }
    }

    /// Takes all signals that nobody has received, by name and in order.
    pub(crate) fn drain(&mut self) -> Vec<(String, Payload)> {
        self.bytes = 0;
        let names = std::mem::take(&mut self.names).into_iter();
        names
            .flat_map(|(name, queue)| {
                queue.arrived.into_iter().map(move |payload| (name.clone(), payload))
            })
            .collect()
    }

    fn queue(&mut self, name: &str) -> &mut Queue {
        if !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), Queue::default());
        }
        self.names.entry(name.to_owned()).or_default()
    }
}
