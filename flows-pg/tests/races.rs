//! Workers, senders and faults at once on a few runs; then an audit: every letter that was
//! acknowledged is in a journal exactly once, in order, and every run is where it should be.
//!
//! The workers here know nothing but the contract: their runs write down the numbers they get.

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use common::*;
use flows_core::clock::random_share;
use flows_core::ids::RunKey;
use flows_core::store::traits::*;
use flows_core::store::{
    Activation, Claim, ClaimStuck, Committed, InboxMessage, Next, Park, Record, SUSPECT, Sent,
    WorkerIdentity,
};
use flows_pg::PgStore;

const RUNS: usize = 12;
const WORKERS: usize = 3;
const SENDERS: u32 = 4;
const SHORT: Duration = Duration::from_millis(400);
const CHAOS: Duration = Duration::from_secs(6);

/// A run in a worker's memory.
struct Held {
    position: i32,
    sent: i64,
    claim: i64,
    setbacks: i16,
    seen: i64,
    letters: Vec<InboxMessage>,
}

/// A worker that follows the contract and nothing else.
struct Player {
    store: PgStore,
    identity: WorkerIdentity,
    held: HashMap<RunKey, Held>,
    runs: Arc<[RunKey]>,
}

impl Player {
    async fn new(store: PgStore, runs: &Arc<[RunKey]>) -> Self {
        let (identity, runs) = (worker(SHORT), Arc::clone(runs));
        let mut player = Self { store, identity, held: HashMap::new(), runs };
        player.begin().await;
        player
    }

    /// A new life, under a new id.
    async fn begin(&mut self) {
        self.held.clear();
        self.identity = worker(SHORT);
        while self.store.register(&self.identity).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// One round; errors are the faults of this test, and are got over.
    async fn round(&mut self, calm: bool) {
        match self.store.renew(&self.identity).await {
            Ok(lease) if lease.lapsed => {
                drop(self.store.retire(self.identity.id, &[]).await);
                return self.begin().await;
            }
            _ => {}
        }
        let Ok(outlook) = self.store.poll(&self.identity).await else { return };
        if outlook.messages {
            self.collect().await;
        }
        for shard in outlook.ready {
            self.claim(shard).await;
        }
        if outlook.suspects && !self.held.values().any(|held| held.setbacks <= SUSPECT) {
            self.claim_suspect().await;
        }
        self.turn(calm).await;
    }

    async fn collect(&mut self) {
        let Ok(collected) = self.store.collect(self.identity.id).await else { return };
        for mail in collected {
            if let Some(held) = self.held.get_mut(&mail.run) {
                held.sent = mail.sent;
                held.read(mail.inbox);
            }
        }
    }

    async fn claim(&mut self, shard: i16) {
        let (worker, lanes) = (self.identity.id, self.identity.lanes.clone());
        let expected = self.runs.iter().filter(|run| run.shard == shard && random_share() < 0.5);
        let expected: Vec<_> = expected.copied().collect();
        let claim = Claim { worker, shard, lanes: &lanes, limit: 3, expected: &expected };
        for run in self.store.claim(claim).await.unwrap_or_default() {
            self.hold(run, 0);
        }
    }

    async fn claim_suspect(&mut self) {
        let (worker, lanes) = (self.identity.id, self.identity.lanes.clone());
        let claim = ClaimStuck { worker, lanes: &lanes, limit: 0, suspect: true };
        for run in self.store.claim_stuck(claim).await.unwrap_or_default() {
            self.hold(run, 0);
        }
    }

    fn hold(&mut self, run: Activation, sent: i64) {
        let position = i32::try_from(run.journal.len()).unwrap();
        assert!(run.journal.iter().all(|row| !row.is_empty()), "a gap in a journal");
        let (claim, setbacks) = (run.claim, run.setbacks);
        let mut held = Held { position, sent, claim, setbacks, seen: 0, letters: Vec::new() };
        held.read(run.inbox);
        self.held.insert(run.key, held);
    }

    /// Commits what there is to do: write numbers down, put runs down.
    async fn turn(&mut self, calm: bool) {
        let mut batch = Vec::new();
        for (key, held) in &self.held {
            batch.extend(held.record(*key, calm || random_share() < 0.5));
        }
        if batch.is_empty() {
            return;
        }
        match self.store.commit(0, self.identity.id, &batch).await {
            Ok(answers) => {
                let lost = self.settle(&batch, &answers);
                self.reload(lost).await;
            }
            Err(_) => self.reload(batch.iter().map(|record| record.key).collect()).await,
        }
    }

    /// Takes note of the answers; gives the runs that were lost.
    fn settle(&mut self, batch: &[Record], answers: &[Committed]) -> Vec<RunKey> {
        let mut lost = Vec::new();
        for (record, answer) in batch.iter().zip(answers) {
            let parks = matches!(record.next, Next::Park(_));
            match answer {
                Committed::Done if parks => drop(self.held.remove(&record.key)),
                Committed::Done | Committed::NotParked => self.advance(record),
                Committed::Lost => lost.push(record.key),
                Committed::Held => {} // others were at it for long: it comes again
                Committed::Refused(why) => panic!("refused: {why}"),
            }
        }
        lost
    }

    fn advance(&mut self, record: &Record) {
        if let Some(held) = self.held.get_mut(&record.key) {
            held.position += i32::from(!record.events.is_empty());
            held.letters.retain(|letter| !record.consumed.contains(&letter.seq));
            held.setbacks = if record.clears { 0 } else { held.setbacks };
        }
    }

    async fn reload(&mut self, keys: Vec<RunKey>) {
        if keys.is_empty() {
            return;
        }
        let sent = keys.iter().map(|key| self.held.remove(key).map_or(0, |held| held.sent));
        let sent = keys.iter().copied().zip(sent.collect::<Vec<_>>()).collect::<HashMap<_, _>>();
        loop {
            match self.store.reload(self.identity.id, &keys).await {
                Ok(found) => {
                    return found.into_iter().for_each(|run| {
                        let known = sent[&run.key];
                        self.hold(run, known);
                    });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

impl Held {
    fn read(&mut self, inbox: Vec<InboxMessage>) {
        for letter in inbox.into_iter().filter(|letter| letter.seq > self.seen) {
            self.letters.push(letter);
        }
        self.seen = self.letters.last().map_or(self.seen, |letter| letter.seq.max(self.seen));
    }

    fn record(&self, key: RunKey, parks: bool) -> Option<Record> {
        if self.letters.is_empty() && !parks {
            return None;
        }
        let numbers = numbers(&self.letters);
        let events = serde_json::to_vec(&numbers).unwrap();
        let (sent, claim) = (self.sent, Some(self.claim));
        let park = Park { waiting_for: "letters".into(), sent, claim, ..Park::default() };
        Some(Record {
            events: if numbers.is_empty() { Vec::new() } else { events },
            consumed: self.letters.iter().map(|letter| letter.seq).collect(),
            clears: self.setbacks != 0 && !numbers.is_empty(),
            ..record(key, self.position, if parks { Next::Park(park) } else { Next::Stay })
        })
    }
}

/// What senders did: numbers that were acknowledged, and numbers of which nobody knows.
#[derive(Default)]
struct Ledger {
    acknowledged: HashMap<RunKey, Vec<u32>>,
    unknown: HashSet<u32>,
}

async fn send(
    store: PgStore,
    runs: Arc<[RunKey]>,
    numbers: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
) -> Ledger {
    let mut ledger = Ledger::default();
    while !stop.load(Ordering::Relaxed) {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let to = runs[number as usize * 7 % runs.len()];
        match store.send(&[signal(to, number)]).await.unwrap().remove(0) {
            Ok(Sent::Duplicate) => panic!("a letter without a key is no duplicate"),
            Ok(Sent::Held) => {} // others were at it for long: it was not sent
            Ok(_) => ledger.acknowledged.entry(to).or_default().push(number),
            Err(_) => drop(ledger.unknown.insert(number)),
        }
        tokio::time::sleep(Duration::from_millis(u64::from(number % 4))).await;
    }
    ledger
}

async fn work(db: Arc<Setup>, runs: Arc<[RunKey]>, stop: Arc<AtomicBool>) {
    let mut player = Player::new(db.another().await, &runs).await;
    while !stop.load(Ordering::Relaxed) {
        player.round(false).await;
        match random_share() {
            x if x < 0.01 => tokio::time::sleep(SHORT * 2).await, // a zombie, when it wakes
            x if x < 0.03 => {
                drop(player.store.retire(player.identity.id, &[]).await);
                player.begin().await;
            }
            x if x < 0.06 => {
                // a future dropped half-way
                let limit = Duration::from_micros((random_share() * 1000.0) as u64);
                drop(tokio::time::timeout(limit, player.store.poll(&player.identity)).await);
                drop(tokio::time::timeout(limit, player.collect()).await);
            }
            _ => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
    drop(player.store.retire(player.identity.id, &[]).await);
}

/// Cuts connections, one at a time.
async fn cut(db: Arc<Setup>, stop: Arc<AtomicBool>) -> u32 {
    let (client, mut cut) = (db.sql().await, 0);
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name LIKE 'flows%' \
               ORDER BY random() LIMIT 1";
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(150)).await;
        cut += u32::try_from(client.query(sql, &[]).await.unwrap().len()).unwrap();
    }
    cut
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_survive_races_and_faults() {
    let db = Arc::new(setup().await);
    let runs = (0..RUNS).map(|_| run(None)).collect::<Vec<_>>();
    assert!(db.store.start(&runs).await.unwrap().iter().all(Result::is_ok));
    let runs = runs.iter().map(|run| run.key).collect::<Arc<[_]>>();
    let (stop, numbers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));

    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        let sender =
            send(db.another().await, Arc::clone(&runs), Arc::clone(&numbers), Arc::clone(&stop));
        senders.push(tokio::spawn(sender));
    }
    let play = || work(Arc::clone(&db), Arc::clone(&runs), Arc::clone(&stop));
    let workers = (0..WORKERS).map(|_| tokio::spawn(play())).collect::<Vec<_>>();
    let cutter = tokio::spawn(cut(Arc::clone(&db), Arc::clone(&stop)));
    tokio::time::sleep(CHAOS).await;
    stop.store(true, Ordering::Relaxed);
    assert!(cutter.await.unwrap() > 10, "no connection was cut");
    for worker in workers {
        worker.await.expect("a worker");
    }
    let mut ledgers = Vec::new();
    for sender in senders {
        ledgers.push(sender.await.expect("a sender"));
    }
    settle(&db, &runs).await;
    audit(&db, &runs, &ledgers).await;
}

/// Lets one worker finish everything in peace.
async fn settle(db: &Setup, runs: &Arc<[RunKey]>) {
    let mut player = Player::new(db.another().await, runs).await;
    for _ in 0..400 {
        player.round(true).await;
        let (ready, owned, parked) = db.places().await;
        if (ready, owned, parked) == (0, 0, RUNS as i64) && db.count("inbox").await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("places {:?}, letters {}", db.places().await, db.count("inbox").await);
}

async fn audit(db: &Setup, runs: &[RunKey], ledgers: &[Ledger]) {
    let unknown = ledgers.iter().flat_map(|ledger| &ledger.unknown).collect::<HashSet<_>>();
    let mut acknowledged = 0;
    for key in runs {
        let history = db.store.history(*key).await.unwrap();
        assert!(history.iter().map(|row| row.position).eq(0..history.len() as i32), "not dense");
        let rows =
            history.iter().flat_map(|row| serde_json::from_slice::<Vec<u32>>(&row.events).unwrap());
        let written = rows.collect::<Vec<_>>();
        assert_eq!(written.iter().collect::<HashSet<_>>().len(), written.len(), "written twice");
        for ledger in ledgers {
            let sent = ledger.acknowledged.get(key).cloned().unwrap_or_default();
            let arrived = written.iter().copied().filter(|n| sent.contains(n)).collect::<Vec<_>>();
            assert_eq!(arrived, sent, "acknowledged, and lost or out of order");
            acknowledged += sent.len();
        }
        let known = |n: &u32| {
            ledgers.iter().any(|l| l.acknowledged.get(key).is_some_and(|s| s.contains(n)))
        };
        assert!(written.iter().all(|n| known(n) || unknown.contains(n)), "from nowhere");
    }
    assert!(acknowledged > 500, "only {acknowledged} letters were sent");
}
