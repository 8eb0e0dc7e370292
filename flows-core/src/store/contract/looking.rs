//! Looking: descriptions, lists and ids, each of one tenant.

use std::time::Duration;

use super::bench::{Bench, completed, ended_as, failed, json, park_until, stuck, turn};
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{
    Committed, ListFilter, MessageKind, OutgoingMessage, PAGE_BYTES, Placement, RunStatus, RunView,
    Started, list_all,
};
use crate::time::Timestamp;

pub(super) async fn a_description_says_where_a_run_is(bench: Bench) {
    let key = bench.started("order").await;
    assert_eq!(bench.place(key).await, Some(Placement::Ready { served: false }));
    let worker = bench.worker().await;
    assert_eq!(bench.place(key).await, Some(Placement::Ready { served: true }));
    worker.claim(key).await;
    let name = worker.identity.name.clone();
    assert_eq!(bench.place(key).await, Some(Placement::Owned { worker: worker.id(), name }));
    let due = worker.renew().await.0.after(Duration::from_secs(600));
    worker.commit(turn(key, 0, park_until(due))).await;
    let waiting_for = "a timer".to_owned();
    let parked = Placement::Parked { wake_at: Some(due), waiting_for, stuck: None };
    assert_eq!(bench.place(key).await, Some(parked));
    bench.send(key, "hello").await.expect("send");
    worker.claim(key).await;
    assert_eq!(worker.commit(turn(key, 1, stuck())).await, Committed::Done);
    let Some(Placement::Parked { stuck, .. }) = bench.place(key).await else {
        panic!("not parked")
    };
    assert_eq!(stuck.as_deref(), Some("its code has changed"));
    let view = bench.view(key).await;
    assert_eq!((view.inbox, view.status), (1, RunStatus::Running));
    assert_eq!(
        (&*view.spec.workflow, view.spec.version, &*view.spec.queue),
        (&*bench.workflow, 1, "default")
    );
    assert_eq!(json(view.input().expect("its input")), json(r#"{"cents":42}"#));
}

async fn listed(bench: &Bench, filter: &ListFilter) -> Vec<RunKey> {
    let found = list_all(&*bench.store, bench.tenant, filter).await.expect("list").runs;
    assert!(found.iter().all(|view| view.placement.is_none()), "lists have no places");
    found.into_iter().map(|view| view.key).collect()
}

fn all() -> ListFilter {
    ListFilter { limit: 100, ..ListFilter::default() }
}

pub(super) async fn a_list_is_newest_first_and_limited(bench: Bench) {
    let mut keys = Vec::new();
    for id in ["a", "b", "c"] {
        keys.push(bench.started(id).await);
    }
    keys.reverse();
    assert_eq!(listed(&bench, &all()).await, keys);
    assert_eq!(listed(&bench, &ListFilter { limit: 2, ..all() }).await, keys[..2]);
}

pub(super) async fn a_list_is_filtered(bench: Bench) {
    let worker = bench.worker().await;
    let done = bench.ended("done", &worker, completed()).await;
    let dead = bench.ended("dead", &worker, failed()).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let other = bench.other_workflow().started("other").await;
    let newer = bench.run("newer").with(|spec| spec.version = 2);
    assert_eq!(bench.start(&newer).await.expect("start"), Started::Created);
    let boundary = Some(bench.view(other).await.created_at);

    let workflow = Some(bench.workflow.to_string());
    let of_workflow = ListFilter { workflow, ..all() };
    assert_eq!(listed(&bench, &of_workflow).await, [newer.key, dead, done]);
    let of_version = ListFilter { version: Some(1), ..of_workflow };
    assert_eq!(listed(&bench, &of_version).await, [dead, done]);
    let failed = ListFilter { status: Some(RunStatus::Failed), ..all() };
    assert_eq!(listed(&bench, &failed).await, [dead]);
    let running = ListFilter { status: Some(RunStatus::Running), ..all() };
    assert_eq!(listed(&bench, &running).await, [newer.key, other]);
    let after = ListFilter { created_after: boundary, ..all() };
    assert_eq!(listed(&bench, &after).await, [newer.key, other]);
    let before = ListFilter { created_before: boundary, ..all() };
    assert_eq!(listed(&bench, &before).await, [dead, done]);
}

/// As a child of an old parent has an old id.
pub(super) async fn newest_is_by_the_stores_time(bench: Bench) {
    let (old, new) = (bench.run("old"), bench.run("new"));
    assert!(old.key.run < new.key.run);
    for run in [&new, &old] {
        assert_eq!(bench.start(run).await.expect("start"), Started::Created);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(listed(&bench, &all()).await, [old.key, new.key]);
}

pub(super) async fn pages_of_a_list_follow_each_other(bench: Bench) {
    let mut keys = Vec::new();
    for n in 0..5 {
        keys.push(bench.started(&n.to_string()).await);
    }
    keys.reverse();
    let (mut filter, mut found) = (ListFilter { limit: 2, ..all() }, Vec::new());
    loop {
        let page = bench.store.list(bench.tenant, &filter).await.expect("list");
        assert!(page.runs.len() <= 2);
        found.extend(page.runs.iter().map(|run| run.key));
        filter.behind = page.next;
        if page.next.is_none() {
            break;
        }
        bench.started(&format!("new {}", found.len())).await; // not on a later page
    }
    assert_eq!(found, keys);
}

pub(super) async fn a_list_has_payloads_if_asked(bench: Bench) {
    let worker = bench.worker().await;
    bench.ended("done", &worker, completed()).await;
    bench.ended("dead", &worker, failed()).await;
    let glance = list_all(&*bench.store, bench.tenant, &all()).await.expect("list").runs;
    assert!(glance.iter().all(|run| run.input().is_none() && run.output.is_none()));
    assert!(glance[0].error.is_some(), "why it failed is told");
    let whole = ListFilter { payloads: true, ..all() };
    let whole = list_all(&*bench.store, bench.tenant, &whole).await.expect("list").runs;
    assert!(whole.iter().all(|run| run.input().map(json) == Some(json(r#"{"cents":42}"#))));
    assert!(whole[1].output.is_some() && whole[0].output.is_none());
}

pub(super) async fn a_page_is_bounded_by_its_payloads(bench: Bench) {
    let mut keys = Vec::new();
    for n in 0..3 {
        let input = format!("\"{}\"", noise(n, PAGE_BYTES / 10 * 6)).into();
        let run = bench.run(&n.to_string()).with(|spec| spec.input = input);
        assert_eq!(bench.start(&run).await.expect("start"), Started::Created);
        keys.insert(0, run.key);
    }
    let mut filter = ListFilter { payloads: true, ..all() };
    for expected in [&keys[..2], &keys[2..]] {
        let page = bench.store.list(bench.tenant, &filter).await.expect("list");
        assert_eq!(page.runs.iter().map(|run| run.key).collect::<Vec<_>>(), expected);
        filter.behind = page.next;
    }
    assert_eq!(filter.behind, None);
}

/// Text that no store makes smaller.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed + 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text
}

pub(super) async fn runs_are_counted_and_found_by_their_end(bench: Bench) {
    let worker = bench.worker().await;
    let first = bench.ended("first", &worker, completed()).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let second = bench.ended("second", &worker, failed()).await;
    let open = bench.started("open").await;
    let boundary = bench.view(second).await.closed_at;
    let after = ListFilter { closed_after: boundary, ..all() };
    let before = ListFilter { closed_before: boundary, ..all() };
    assert_eq!(listed(&bench, &after).await, [second]);
    assert_eq!(listed(&bench, &before).await, [first]);
    assert_eq!(listed(&bench, &all()).await, [open, second, first]);
    let running = ListFilter { status: Some(RunStatus::Running), ..all() };
    for (filter, expected) in [(&all(), 3), (&after, 1), (&before, 1), (&running, 1)] {
        let counted = bench.store.count(bench.tenant, filter).await.expect("count");
        assert_eq!(counted, expected);
    }
}

/// Whatever is asked together, a list is what passes of the whole list, and a count says how many those are.
pub(super) async fn filters_go_together(bench: Bench) {
    let other = bench.other_workflow();
    for of in [&bench, &other] {
        let worker = of.worker().await;
        for n in 0..2 {
            of.ended(&format!("{} done {n}", of.workflow), &worker, completed()).await;
            of.ended(&format!("{} dead {n}", of.workflow), &worker, failed()).await;
            of.owned(&format!("{} open {n}", of.workflow), &worker).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let whole = list_all(&*bench.store, bench.tenant, &all()).await.expect("list").runs;
    assert_eq!(whole.len(), 12);
    let middle = whole[6].created_at;
    let statuses =
        [None, Some(RunStatus::Running), Some(RunStatus::Completed), Some(RunStatus::Failed)];
    let times = [(None, None), (Some(middle), None), (None, Some(middle))];
    for (workflow, status) in [None, Some(bench.workflow.to_string())]
        .into_iter()
        .flat_map(|workflow| statuses.map(|status| (workflow.clone(), status)))
    {
        for (created, closed) in
            times.iter().flat_map(|created| times.map(|closed| (created, closed)))
        {
            let filter = ListFilter {
                workflow: workflow.clone(),
                status,
                created_after: created.0,
                created_before: created.1,
                closed_after: closed.0,
                closed_before: closed.1,
                limit: 100,
                ..ListFilter::default()
            };
            let expected = whole.iter().filter(|run| passes(run, &filter)).map(|run| run.key);
            let expected = expected.collect::<Vec<_>>();
            assert_eq!(listed(&bench, &filter).await, expected, "{filter:?}");
            let counted = bench.store.count(bench.tenant, &filter).await.expect("count");
            assert_eq!(counted, expected.len() as u64, "{filter:?}");
        }
    }
}

fn passes(run: &RunView, filter: &ListFilter) -> bool {
    let within = |at: Option<Timestamp>, after: Option<Timestamp>, before: Option<Timestamp>| {
        after.is_none_or(|after| at.is_some_and(|at| at >= after))
            && before.is_none_or(|before| at.is_some_and(|at| at < before))
    };
    filter.workflow.as_deref().is_none_or(|workflow| *workflow == *run.spec.workflow)
        && filter.status.is_none_or(|status| status == run.status)
        && within(Some(run.created_at), filter.created_after, filter.created_before)
        && within(run.closed_at, filter.closed_after, filter.closed_before)
}

pub(super) async fn a_list_shows_one_tenant(bench: Bench) {
    let other = bench.other_tenant();
    let (mine, theirs) = (bench.started("order").await, other.started("order").await);
    assert_eq!(listed(&bench, &all()).await, [mine]);
    assert_eq!(listed(&other, &all()).await, [theirs]);
}

pub(super) async fn another_tenant_reaches_nothing(bench: Bench) {
    let worker = bench.worker().await;
    let done = bench.ended("done", &worker, completed()).await;
    let open = bench.started("open").await;
    let tenant = bench.other_tenant().tenant;
    let (done, foreign) = (RunKey { tenant, ..done }, RunKey { tenant, ..open });
    assert!(bench.store.describe(foreign).await.expect("describe").is_none());
    assert!(bench.store.history(done).await.expect("history").is_empty());
    assert!(bench.store.outcomes(&[done]).await.expect("outcomes").is_empty());
    let close = ended_as(RunStatus::Terminated);
    let terminated = bench.store.terminate(foreign, b"terminated", &close, &[]).await;
    assert!(!terminated.unwrap_or(false), "nothing to terminate");
    assert!(bench.is_ready(open).await);
}

pub(super) async fn an_id_is_found_by_tenant(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(bench.find("order").await, Some(key));
    assert_eq!(bench.find("other").await, None);
    assert_eq!(bench.other_tenant().find("order").await, None);
    worker.commit(turn(key, 0, completed())).await;
    assert_eq!(bench.find("order").await, Some(key), "kept when it has ended");
}

pub(super) async fn a_description_tells_of_a_request_to_cancel(bench: Bench) {
    let key = bench.started("order").await;
    bench.send(key, "hello").await.expect("send");
    assert!(!bench.view(key).await.cancelling, "a signal is none");
    let payload = Payload::json(&"why").expect("json");
    let name = String::new();
    let messages =
        OutgoingMessage { to: key, kind: MessageKind::Cancel, name, payload, dedup: None };
    bench.deliver(&messages).await.expect("messages");
    assert!(bench.view(key).await.cancelling);
}
