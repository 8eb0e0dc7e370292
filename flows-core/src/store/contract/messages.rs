//! Messages: delivered once, in order, wherever the run is; and never lost between two stools.

use super::bench::{
    Bench, BenchWorker, completed, ended_by, failed, names, no_turn, park, park_knowing, signal,
    stuck, turn,
};
use crate::error::ErrorKind;
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{
    Collected, Committed, InboxMessage, MessageKind, Next, OutgoingMessage, Park, Placement,
    Record, RunStatus, Sent,
};

pub(super) async fn message_before_the_first_turn_waits_in_order(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    for name in ["one", "two"] {
        assert_eq!(bench.send(key, name).await.expect("send"), Sent::ToReady);
    }
    let batch = ["three", "four"].map(|name| signal(key, name));
    let answers = bench.store.send(&batch).await.expect("send");
    assert!(answers.iter().all(|a| matches!(a, Ok(Sent::ToReady))), "{answers:?}");
    let inbox = worker.claim(key).await.inbox;
    assert_eq!(names(&inbox), ["one", "two", "three", "four"]);
    assert!(inbox.is_sorted_by(|a, b| a.seq < b.seq), "numbers rise");
}

pub(super) async fn message_to_an_owned_run_raises_its_flag(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert!(!worker.poll().await.messages);
    assert_eq!(bench.send(key, "hello").await.expect("send"), Sent::ToOwner(worker.id()));
    assert!(worker.poll().await.messages);
    assert_eq!(names(&worker.collect_of(key).await.inbox), ["hello"]);
    assert!(!worker.poll().await.messages);
}

pub(super) async fn message_wakes_a_parked_run(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.parked("order", &worker).await;
    assert_eq!(bench.send(key, "hello").await.expect("send"), Sent::ToReady);
    assert_eq!(bench.send(key, "again").await.expect("send"), Sent::ToReady);
    assert_eq!(worker.poll().await.ready, [key.shard]);
    let found = worker.claim(key).await;
    assert_eq!(names(&found.inbox), ["hello", "again"]);
    assert_eq!(found.journal, [b"turn 0".to_vec()], "its journal is read");
}

pub(super) async fn message_waits_with_a_stuck_run(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(worker.commit(turn(key, 0, stuck())).await, Committed::Done);
    assert_eq!(bench.send(key, "hello").await.expect("send"), Sent::Kept);
    worker.finds_nothing().await;
    assert!(matches!(bench.place(key).await, Some(Placement::Parked { stuck: Some(_), .. })));
    let mended = bench.worker().await;
    assert_eq!(names(&mended.claim_stuck(1, false).await[0].inbox), ["hello"]);
}

pub(super) async fn message_to_an_ended_run_is_refused(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended("order", &worker, completed()).await;
    let open = bench.started("open").await;
    let batch = [signal(key, "late"), signal(open, "hello")];
    let mut answers = bench.store.send(&batch).await.expect("send");
    assert!(matches!(answers.remove(1), Ok(Sent::ToReady)), "the others are delivered");
    let error = answers.remove(0).expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(bench.view(key).await.inbox, 0);
}

pub(super) async fn message_to_nobody_is_refused(bench: Bench) {
    let key = bench.started("order").await;
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..key };
    for nobody in [RunKey::new(bench.tenant, Some("nobody")), elsewhere] {
        let error = bench.send(nobody, "hello").await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    assert_eq!(bench.view(key).await.inbox, 0);
}

pub(super) async fn a_raised_flag_refuses_parking(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    bench.send(key, "hello").await.expect("send");
    assert_eq!(worker.commit(turn(key, 0, park())).await, Committed::NotParked);
    assert_eq!(bench.positions(key).await, [0], "the turn itself is kept");
    assert!(matches!(bench.place(key).await, Some(Placement::Owned { .. })));
    let collected = worker.collect_of(key).await;
    assert_eq!(names(&collected.inbox), ["hello"]);
    let knowing = park_knowing(collected.sent);
    assert_eq!(worker.commit(turn(key, 1, knowing)).await, Committed::Done);
    assert!(bench.is_parked(key).await);
}

pub(super) async fn letters_on_their_way_refuse_parking(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    bench.send(key, "one").await.expect("send");
    let first = worker.collect_of(key).await.sent;
    bench.send(key, "two").await.expect("send");
    let second = worker.collect_of(key).await.sent;
    assert!(second > first && first > 0, "{second} {first}");
    for known in [0, first] {
        let answer = worker.commit(no_turn(key, 0, park_knowing(known))).await;
        assert_eq!(answer, Committed::NotParked, "it has not heard of all that were collected");
    }
    assert_eq!(worker.commit(no_turn(key, 0, park_knowing(second))).await, Committed::Done);
}

/// The commit had failed as far as its worker knew, and comes when that has claimed the run again.
pub(super) async fn a_park_of_an_earlier_claim_is_refused(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.started("order").await;
    let parks = |claim| {
        let park = Park { waiting_for: "a signal".into(), claim: Some(claim), ..Park::default() };
        no_turn(key, 0, Next::Park(park))
    };
    let first = worker.claim(key).await.claim;
    assert_eq!(worker.commit(parks(first)).await, Committed::Done);
    bench.send(key, "hello").await.expect("send");
    let second = worker.claim(key).await;
    assert_eq!(names(&second.inbox), ["hello"]);
    assert_ne!(second.claim, first);
    assert_eq!(worker.reload(&[key]).await[0].claim, second.claim);
    assert_eq!(worker.commit(parks(first)).await, Committed::NotParked);
    assert!(matches!(bench.place(key).await, Some(Placement::Owned { .. })), "it has a message");
    assert_eq!(worker.commit(parks(second.claim)).await, Committed::Done);
}

pub(super) async fn letters_stay_until_they_are_consumed(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    bench.send(key, "one").await.expect("send");
    assert_eq!(names(&worker.collect_of(key).await.inbox), ["one"]);
    assert!(worker.collect().await.is_empty(), "the flag is down");
    bench.send(key, "two").await.expect("send");
    let Collected { sent, inbox, .. } = worker.collect_of(key).await;
    assert_eq!(names(&inbox), ["one", "two"]);
    let consumed = vec![inbox[0].seq];
    let record = Record { consumed, ..turn(key, 0, park_knowing(sent)) };
    assert_eq!(worker.commit(record).await, Committed::Done);
    assert_eq!(bench.view(key).await.inbox, 1);
    bench.send(key, "three").await.expect("send");
    assert_eq!(names(&worker.claim(key).await.inbox), ["two", "three"]);
}

pub(super) async fn a_key_is_received_once(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.parked("order", &worker).await;
    let once = OutgoingMessage { dedup: Some("k".to_owned()), ..signal(key, "paid") };
    let batch = [once.clone(), once.clone()];
    let answers = bench.store.send(&batch).await.expect("send");
    let answers: Vec<_> = answers.into_iter().map(|a| a.expect("sent")).collect();
    assert_eq!(answers, [Sent::ToReady, Sent::Duplicate]);
    let inbox = worker.claim(key).await.inbox;
    assert_eq!(names(&inbox), ["paid"]);
    let consumed = vec![inbox[0].seq];
    worker.commit(Record { consumed, ..turn(key, 1, park()) }).await;
    assert_eq!(bench.deliver(&once).await.expect("send"), Sent::Duplicate, "consumed long ago");
    assert!(bench.is_parked(key).await, "a duplicate wakes nobody");
    let other = OutgoingMessage { dedup: Some("l".to_owned()), ..once.clone() };
    assert_eq!(bench.deliver(&other).await.expect("send"), Sent::ToReady);
    worker.claim(key).await;
    worker.commit(turn(key, 2, completed())).await;
    assert_eq!(bench.deliver(&once).await.expect("send"), Sent::Duplicate, "it had come in time");
    let late = OutgoingMessage { dedup: Some("m".to_owned()), ..once };
    assert_eq!(bench.deliver(&late).await.expect_err("it has ended").kind(), ErrorKind::Closed);
}

/// A key is honoured by the runs that go on in a run's place, one after the other.
pub(super) async fn a_key_holds_for_who_goes_on(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.owned("order", &worker).await;
    let once =
        |to, key: &str| OutgoingMessage { dedup: Some(key.to_owned()), ..signal(to, "paid") };
    let sent = async |to, key| bench.deliver(&once(to, key)).await.expect("send");
    assert_ne!(sent(first, "a").await, Sent::Duplicate);
    let mut run = first;
    for key in ["b", "c"] {
        let next = bench.successor(run, "order");
        let close = ended_by(RunStatus::Continued, next.key.run);
        let record = Record { starts: vec![next.clone()], ..turn(run, 0, Next::Close(close)) };
        assert_eq!(worker.commit(record).await, Committed::Done);
        run = next.key;
        assert_eq!(sent(run, "a").await, Sent::Duplicate, "the first run had received it");
        assert_ne!(sent(run, key).await, Sent::Duplicate);
        worker.claim(run).await;
    }
    for key in ["a", "b", "c"] {
        assert_eq!(sent(run, key).await, Sent::Duplicate);
        assert_eq!(sent(first, key).await, Sent::Duplicate, "whichever of them is named");
    }
    assert_eq!(worker.commit(turn(run, 0, failed())).await, Committed::Done);
    let again = bench.successor(run, "order");
    bench.store.rerun(run, &again).await.expect("rerun");
    assert_eq!(sent(again.key, "b").await, Sent::Duplicate, "over a rerun");
    let other = bench.started("other").await;
    assert_ne!(sent(other, "a").await, Sent::Duplicate, "another run knows nothing of it");
}

/// Also where nobody has seen the key yet when they are sent.
pub(super) async fn of_simultaneous_sends_of_a_key_one_is_received(bench: Bench) {
    const KEYS: usize = 40;
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    let mut senders = tokio::task::JoinSet::new();
    for dedup in 0..KEYS {
        for _ in 0..4 {
            let once = OutgoingMessage { dedup: Some(format!("k{dedup}")), ..signal(key, "paid") };
            let bench = bench.clone();
            senders.spawn(async move { bench.deliver(&once).await.expect("send") });
        }
    }
    let answers = senders.join_all().await;
    let twice = answers.iter().filter(|answer| **answer == Sent::Duplicate).count();
    assert_eq!((answers.len(), twice), (4 * KEYS, 3 * KEYS), "the others are told");
    assert_eq!(worker.claim(key).await.inbox.len(), KEYS);
}

pub(super) async fn letters_keep_their_content(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    let kinds = [MessageKind::Signal, MessageKind::Cancel, MessageKind::ChildClosed];
    let payload = Payload::encode(crate::Codec::Postcard, &(7_u64, "seven".to_owned()));
    let payload = payload.expect("postcard");
    for kind in kinds {
        bench
            .deliver(&OutgoingMessage { kind, payload: payload.clone(), ..signal(key, "ü") })
            .await
            .expect("sent");
    }
    let inbox = worker.claim(key).await.inbox;
    assert_eq!(inbox.iter().map(|message| message.kind).collect::<Vec<_>>(), kinds);
    assert!(inbox.iter().all(|message| message.payload == payload && message.name == "ü"));
}

pub(super) async fn message_of_a_claimed_run_is_not_flagged_again(bench: Bench) {
    let (worker, key) = (bench.worker().await, bench.started("order").await);
    bench.send(key, "hello").await.expect("send");
    let inbox = worker.claim(key).await.inbox;
    let consumed = inbox.iter().map(|message| message.seq).collect();
    let record = Record { consumed, ..turn(key, 0, park()) };
    assert_eq!(worker.commit(record).await, Committed::Done, "it has read its messages");
}

pub(super) async fn message_racing_with_parking_is_never_lost(bench: Bench) {
    let worker = bench.worker().await;
    for round in 0..30 {
        let key = bench.owned(&format!("order {round}"), &worker).await;
        let (parker, sender) = (worker.clone(), bench.clone());
        let parking = tokio::spawn(async move { parker.commit(turn(key, 0, park())).await });
        let sending = tokio::spawn(async move { sender.send(key, "hello").await });
        let answer = parking.await.expect("no panic");
        sending.await.expect("no panic").expect("sent");
        assert_eq!(found_by(&worker, key, answer).await, ["hello"], "round {round}");
        worker.commit(turn(key, 1, completed())).await;
    }
}

pub(super) async fn message_racing_with_claiming_is_never_lost(bench: Bench) {
    let worker = bench.worker().await;
    for round in 0..30 {
        let key = bench.started(&format!("order {round}")).await;
        let (claimer, sender) = (worker.clone(), bench.clone());
        let claiming = tokio::spawn(async move { claimer.claim_some(key.shard, 1).await });
        let sending = tokio::spawn(async move { sender.send(key, "hello").await });
        let claimed = claiming.await.expect("no panic");
        sending.await.expect("no panic").expect("sent");
        let inbox = match claimed.into_iter().next() {
            Some(found) if !found.inbox.is_empty() => found.inbox,
            Some(_) => worker.collect_of(key).await.inbox,
            None => worker.claim(key).await.inbox,
        };
        assert_eq!(names(&inbox), ["hello"], "round {round}");
        worker.commit(turn(key, 0, completed())).await;
    }
}

pub(super) async fn racing_senders_are_numbered(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.parked("order", &worker).await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..4 {
        let bench = bench.clone();
        senders.spawn(async move {
            for number in 0..5 {
                bench.send(key, &format!("{sender} {number}")).await.expect("send");
            }
        });
    }
    senders.join_all().await;
    let inbox = worker.claim(key).await.inbox;
    assert_eq!(inbox.len(), 20);
    assert!(inbox.is_sorted_by(|a, b| a.seq < b.seq), "no number twice");
    for sender in 0..4 {
        let mine = inbox.iter().filter(|l| l.name.starts_with(&format!("{sender} ")));
        let mine: Vec<&InboxMessage> = mine.collect();
        assert!(mine.is_sorted_by(|a, b| a.name < b.name), "each in its own order: {mine:?}");
    }
}

/// The messages that a worker finds after it tried to park the run and messages came.
async fn found_by(worker: &BenchWorker, key: RunKey, answer: Committed) -> Vec<String> {
    let inbox = match answer {
        Committed::NotParked => worker.collect_of(key).await.inbox,
        Committed::Done => worker.claim(key).await.inbox,
        other => panic!("neither parked nor not: {other:?}"),
    };
    inbox.into_iter().map(|message| message.name).collect()
}
