//! What is too large to be read with other things: inboxes page by page, large journals one by one.

use std::collections::{BTreeMap, VecDeque};

use super::message::Message;
use super::poller::Poller;
use super::resident::executor_of;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{Collected, Page};

/// A run that wants to read on in its inbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageRequest {
    key: RunKey,
    /// Which residency of it: what another had read is not what this one has.
    residency: u64,
    /// The message behind which it reads on.
    behind: i64,
}

impl PageRequest {
    pub(super) fn new(key: RunKey, residency: u64, behind: i64) -> Self {
        Self { key, residency, behind }
    }
}

/// What is to be read alone.
enum Alone {
    /// A claimed run, which no executor has yet.
    Claimed(RunKey),
    /// A run that its executor reads again.
    Again(RunKey),
    Page(PageRequest),
}

/// What is still to be read, in turn.
#[derive(Default)]
pub(super) struct ReadAlone {
    queue: VecDeque<Alone>,
    /// The claimed ones among it, and how many messages are known to have been sent to each.
    claimed: BTreeMap<RunKey, i64>,
}

impl ReadAlone {
    pub(super) fn claimed(&mut self, key: RunKey) {
        self.queue.push_back(Alone::Claimed(key));
        self.claimed.insert(key, 0);
    }

    pub(super) fn again(&mut self, key: RunKey) {
        self.queue.push_back(Alone::Again(key));
    }

    /// The claimed runs that are still to be read.
    pub(super) fn unread(&self) -> impl Iterator<Item = RunKey> {
        self.claimed.keys().copied()
    }

    /// Whether these messages are of a run that is still to be read: they will be read with it.
    pub(super) fn keeps(&mut self, collected: &Collected) -> bool {
        self.claimed.get_mut(&collected.run).map(|sent| *sent = collected.sent).is_some()
    }
}

impl Poller<'_> {
    /// Reads what has to be read alone, while there is room for it.
    pub(super) async fn read_alone(&mut self) {
        self.read_pages().await;
        while self.reads.until().is_none()
            && self.session.budget.has_room()
            && let Some(next) = self.alone.queue.pop_front()
        {
            let read = match &next {
                Alone::Claimed(key) => self.read_claimed(*key).await,
                Alone::Again(key) => self.reload_some(&[*key]).await,
                Alone::Page(asked) => self.read_page(*asked).await,
            };
            match read {
                Ok(()) => self.reads.succeeded(),
                Err(error) => {
                    self.session.complaints.warn(&error, "cannot read a run; trying again");
                    self.reads.failed();
                    self.alone.queue.push_back(next);
                }
            }
        }
    }

    async fn read_claimed(&mut self, key: RunKey) -> Result<()> {
        let found = self.session.store.reload(self.session.id(), &[key]).await?;
        let sent = self.alone.claimed.remove(&key).unwrap_or_default();
        if found.is_empty() {
            self.session.release_slots(1); // it has ended, or is not ours any more
        }
        self.hand_out(found);
        if sent > 0 {
            // Its messages were read with it; what it has not heard of is their number.
            let collected = Collected { run: key, sent, inbox: Vec::new(), more: Some(0) };
            self.send(&key, Message::Collected(vec![collected]));
        }
        Ok(())
    }

    /// The next pages of inboxes, together.
    async fn read_pages(&mut self) {
        if self.reads.until().is_some() {
            return;
        }
        let asked = self.session.take_pages();
        if let [asked] = asked[..] {
            return self.alone.queue.push_back(Alone::Page(asked));
        }
        if asked.is_empty() {
            return;
        }
        let wanted: Vec<_> = asked.iter().map(|asked| (asked.key, asked.behind)).collect();
        match self.session.store.read_inboxes(&wanted).await {
            Ok(pages) => asked.into_iter().zip(pages).for_each(|(asked, page)| {
                match page.messages.is_empty() && page.more.is_some() {
                    true => self.alone.queue.push_back(Alone::Page(asked)),
                    false => self.turn_page(asked, page),
                }
            }),
            Err(error) => {
                self.session.complaints.warn(&error, "cannot read inboxes; trying again");
                self.reads.failed();
                asked.into_iter().for_each(|asked| self.session.request_page(asked));
            }
        }
    }

    async fn read_page(&mut self, asked: PageRequest) -> Result<()> {
        let mut pages = self.session.store.read_inboxes(&[(asked.key, asked.behind)]).await?;
        self.turn_page(asked, pages.pop().unwrap_or_default());
        Ok(())
    }

    fn turn_page(&self, asked: PageRequest, page: Page) {
        let PageRequest { key, residency, .. } = asked;
        self.send(&key, Message::Page { key, residency, page });
    }

    fn send(&self, key: &RunKey, message: Message) {
        drop(self.executors[executor_of(key, self.executors.len())].send(message)); // its session ends
    }
}
