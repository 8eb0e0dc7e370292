//! What is read at once is bounded: inboxes by the page, journals by their size.

use std::sync::Arc;

use super::bench::{Bench, BenchWorker, names, park_knowing, signal, turn};
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{
    Committed, InboxMessage, Next, OutgoingMessage, PAGE_MESSAGES, READ_BYTES, Record,
};

const MEGABYTE: usize = 1 << 20;

async fn send_numbered(bench: &Bench, to: RunKey, numbers: std::ops::Range<usize>) {
    let messages: Vec<_> = numbers.map(|number| signal(to, &number.to_string())).collect();
    for answer in bench.store.send(&messages).await.expect("send") {
        answer.expect("sent");
    }
}

fn large(to: RunKey, bytes: usize) -> OutgoingMessage {
    OutgoingMessage {
        payload: Payload::json(&"x".repeat(bytes)).expect("text"),
        ..signal(to, "large")
    }
}

/// Reads on until there is nothing more; how many messages each page had.
async fn rest(
    worker: &BenchWorker,
    key: RunKey,
    mut more: Option<i64>,
) -> (Vec<InboxMessage>, Vec<usize>) {
    let (mut messages, mut pages) = (Vec::new(), Vec::new());
    while let Some(behind) = more {
        let page = worker.read_on(key, behind).await;
        assert!(!page.messages.is_empty(), "alone, a page has at least one message");
        pages.push(page.messages.len());
        messages.extend(page.messages);
        more = page.more;
    }
    (messages, pages)
}

pub(super) async fn an_inbox_is_read_by_the_page(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    let count = 2 * PAGE_MESSAGES + 5;
    send_numbered(&bench, key, 0..count).await;
    let first = worker.claim(key).await;
    assert_eq!(first.inbox.len(), PAGE_MESSAGES);
    let (others, pages) = rest(&worker, key, first.more).await;
    assert_eq!(pages, [PAGE_MESSAGES, 5]);
    let all = [first.inbox, others].concat();
    let numbers: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(names(&all), numbers, "all of them, in order");
    let again = worker.reload(&[key]).await.remove(0);
    assert_eq!((again.inbox.len(), again.more), (PAGE_MESSAGES, first.more), "nothing has left it");
    assert_eq!(worker.read_on(key, all[count - 1].seq).await.more, None);
}

pub(super) async fn a_page_has_few_bytes(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    for _ in 0..7 {
        bench.deliver(&large(key, MEGABYTE)).await.expect("sent");
    }
    let first = worker.claim(key).await;
    assert!((1..5).contains(&first.inbox.len()), "{} messages of 1 MiB", first.inbox.len());
    let (others, _) = rest(&worker, key, first.more).await;
    assert_eq!(first.inbox.len() + others.len(), 7);
}

pub(super) async fn a_large_letter_is_read_alone(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    let other = bench.started("other").await;
    for (to, bytes) in [(key, 5 * MEGABYTE), (key, 5 * MEGABYTE), (other, 1)] {
        bench.deliver(&large(to, bytes)).await.expect("sent");
    }
    let first = worker.claim(key).await;
    let behind = first.more.expect("it did not fit");
    assert!(first.inbox.is_empty());
    worker.claim(other).await;
    let asked = [(key, behind), (other, 0)];
    let together = bench.store.read_inboxes(&asked).await.expect("read_inboxes");
    assert_eq!(together.len(), 2);
    assert!(together[0].messages.is_empty() && together[0].more == Some(behind), "with others");
    assert_eq!((together[1].messages.len(), together[1].more), (1, None));
    let (alone, pages) = rest(&worker, key, Some(behind)).await;
    assert_eq!(pages, [1, 1], "one after the other");
    assert_eq!(alone[1].payload.len(), 5 * MEGABYTE + 2);
}

pub(super) async fn collecting_gives_a_page(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    send_numbered(&bench, key, 0..PAGE_MESSAGES + 2).await;
    let collected = worker.collect_of(key).await;
    assert_eq!(collected.inbox.len(), PAGE_MESSAGES);
    assert!(worker.collect().await.is_empty(), "the flag is down, though there is more");
    let (others, _) = rest(&worker, key, collected.more).await;
    assert_eq!(names(&others), [PAGE_MESSAGES.to_string(), (PAGE_MESSAGES + 1).to_string()]);
    let messages = collected.inbox.iter().chain(&others);
    let consumed = messages.map(|message| message.seq).collect();
    let record = Record { consumed, ..turn(key, 0, park_knowing(collected.sent)) };
    assert_eq!(worker.commit(record).await, Committed::Done, "it has read all");
}

pub(super) async fn what_comes_between_pages_is_read(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    send_numbered(&bench, key, 0..PAGE_MESSAGES + 1).await;
    let first = worker.claim(key).await;
    let consumed = first.inbox.iter().map(|message| message.seq).collect();
    let record = Record { consumed, ..turn(key, 0, Next::Stay) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    bench.send(key, "late").await.expect("sent");
    let (others, _) = rest(&worker, key, first.more).await;
    assert_eq!(names(&others), [PAGE_MESSAGES.to_string(), "late".to_owned()]);
    let collected = worker.collect_of(key).await;
    assert_eq!((names(&collected.inbox), collected.more), (names(&others), None));
}

pub(super) async fn a_large_journal_is_read_alone(bench: Bench) {
    let worker = bench.worker().await;
    // In one shard, so that one claim has them all.
    let first = bench.run("order");
    let runs =
        [first.clone(), bench.successor(first.key, "small"), bench.successor(first.key, "x")];
    for run in &runs {
        bench.start(run).await.expect("started");
    }
    let keys = [runs[0].key, runs[1].key, runs[2].key];
    assert_eq!(worker.claim_some(first.key.shard, 3).await.len(), 3);
    let sizes = [READ_BYTES / 2, 10, READ_BYTES / 2];
    for (key, bytes) in keys.into_iter().zip(sizes) {
        let record = Record { events: vec![7; bytes], ..turn(key, 0, Next::Stay) };
        assert_eq!(worker.commit(record).await, Committed::Done);
        bench.send(key, "hello").await.expect("sent");
    }
    worker.retire().await;

    let worker = bench.worker().await;
    let claimed = worker.claim_some(first.key.shard, 3).await;
    for run in claimed.into_iter().chain(worker.reload(&keys).await) {
        let is_large = run.key != keys[1];
        assert_eq!(run.unread, is_large, "{:?}", run.key);
        assert_eq!((run.journal.len(), run.inbox.len()), if is_large { (0, 0) } else { (1, 1) });
    }
    let alone = worker.reload(&keys[..1]).await.remove(0);
    assert!(!alone.unread);
    assert_eq!((alone.journal[0].len(), names(&alone.inbox)), (sizes[0], vec!["hello"]));
}

/// As many as fit are read together; the others one by one, however large.
pub(super) async fn large_inputs_are_read_alone(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.run("order");
    let ids = ["two", "three", "four"];
    let others = ids.map(|id| bench.successor(first.key, id));
    let input: Arc<str> = format!("\"{}\"", "x".repeat(READ_BYTES * 2 / 5)).into();
    let runs = [&[first.clone()][..], &others].concat();
    for run in &runs {
        let run = run.clone().with(|spec| spec.input = Arc::clone(&input));
        bench.start(&run).await.expect("started");
    }
    let keys: Vec<_> = runs.iter().map(|run| run.key).collect();
    let claimed = worker.claim_some(first.key.shard, 4).await;
    let again = worker.reload(&keys).await;
    for read in [&claimed, &again] {
        assert_eq!(read.iter().filter(|run| !run.unread).count(), 2);
        assert!(read.iter().all(|run| run.unread || run.spec.input.len() == input.len()));
        let bytes = read.iter().map(|run| run.spec.input.len()).sum::<usize>();
        assert!(bytes <= READ_BYTES, "{bytes} bytes of inputs");
    }
    for key in keys {
        let alone = worker.reload(&[key]).await.remove(0);
        assert_eq!((alone.unread, &alone.spec.input), (false, &input));
    }
}
