//! Search attributes: of starts and of records, and lists by them.

use std::time::{Duration, UNIX_EPOCH};

use super::bench::{Bench, completed, ended_by, failed, no_turn, turn};
use crate::ids::RunKey;
use crate::store::{
    AttributeFilter, AttributeValue, Attributes, Committed, ListFilter, NewRun, Next, Record,
    RunStatus, Started, list_all,
};

fn attributes(given: &[(&str, AttributeValue)]) -> Attributes {
    given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn setting(record: Record, given: &[(&str, AttributeValue)]) -> Record {
    Record { attributes: attributes(given).into_iter().collect(), ..record }
}

impl Bench {
    /// A run that is started with attributes.
    async fn given(&self, id: &str, given: &[(&str, AttributeValue)]) -> RunKey {
        let run = NewRun { attributes: Some(Box::new(attributes(given))), ..self.run(id) };
        assert_eq!(self.start(&run).await.expect("start"), Started::Created);
        run.key
    }

    async fn attributes(&self, key: RunKey) -> Attributes {
        self.view(key).await.attributes
    }

    async fn asked(&self, filter: &ListFilter) -> Vec<RunKey> {
        let found = list_all(&*self.store, self.tenant, filter).await.expect("list").runs;
        let counted = self.store.count(self.tenant, filter).await.expect("count");
        assert_eq!(counted, found.len() as u64, "{filter:?}");
        found.into_iter().map(|run| run.key).collect()
    }
}

fn of(attributes: &[AttributeFilter]) -> ListFilter {
    ListFilter { attributes: attributes.to_vec(), limit: 100, ..ListFilter::default() }
}

pub(super) async fn a_run_has_the_attributes_of_its_start(bench: Bench) {
    let time = UNIX_EPOCH + Duration::from_micros(1_234_567);
    let given = [
        ("customer", "c-7".into()),
        ("paid", true.into()),
        ("due", time.into()),
        ("cents", (-42).into()),
    ];
    let key = bench.given("order", &given).await;
    assert_eq!(bench.attributes(key).await, attributes(&given));
    let none = bench.started("other").await;
    assert_eq!(bench.attributes(none).await, Attributes::new());
    let elsewhere = bench.other_tenant().given("order", &[("customer", "c-8".into())]).await;
    assert_eq!(bench.attributes(elsewhere).await, attributes(&[("customer", "c-8".into())]));
}

pub(super) async fn the_last_value_of_an_attribute_counts(bench: Bench) {
    let key = bench.given("order", &[("stage", "new".into()), ("customer", "c-7".into())]).await;
    let worker = bench.worker().await;
    worker.claim(key).await;
    let alone = setting(no_turn(key, 0, Next::Stay), &[("stage", "seen".into())]);
    assert_eq!(worker.commit(alone).await, Committed::Done);
    assert_eq!(bench.attributes(key).await["stage"], "seen".into());
    let newer = setting(turn(key, 0, Next::Stay), &[("stage", 2.into()), ("paid", false.into())]);
    assert_eq!(worker.commit(newer).await, Committed::Done);
    // of a worker that does not know yet that it has lost the run
    worker.commit(setting(no_turn(key, 0, Next::Stay), &[("stage", "old".into())])).await;
    worker.commit(setting(turn(key, 1, completed()), &[("paid", true.into())])).await;
    let expected = [("customer", "c-7".into()), ("paid", true.into()), ("stage", 2.into())];
    assert_eq!(bench.attributes(key).await, attributes(&expected));
}

pub(super) async fn a_record_that_is_lost_sets_nothing(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(worker.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    let again = setting(turn(key, 0, Next::Stay), &[("stage", 1.into())]);
    assert_eq!(worker.commit(again).await, Committed::Lost);
    assert_eq!(bench.attributes(key).await, Attributes::new());
}

/// With what the run's last record sets; and it may replace them.
pub(super) async fn a_successor_keeps_attributes(bench: Bench) {
    let key = bench.given("order", &[("customer", "c-7".into()), ("round", 1.into())]).await;
    let worker = bench.worker().await;
    worker.claim(key).await;
    let next = bench.successor(key, "order");
    let last = turn(key, 0, Next::Close(ended_by(RunStatus::Continued, next.key.run)));
    let last = Record { starts: vec![next.clone()], ..setting(last, &[("round", 2.into())]) };
    assert_eq!(worker.commit(last).await, Committed::Done);
    let kept = attributes(&[("customer", "c-7".into()), ("round", 2.into())]);
    assert_eq!(bench.attributes(next.key).await, kept);
    assert_eq!(bench.attributes(key).await, kept, "and so does the run itself");
    worker.claim(next.key).await;
    let set = setting(no_turn(next.key, 0, Next::Stay), &[("round", 3.into())]);
    assert_eq!(worker.commit(set).await, Committed::Done);
    assert_eq!(bench.attributes(next.key).await["round"], 3.into());
    assert_eq!(bench.attributes(key).await, kept);
    let third = of(&[AttributeFilter::one_of("round", [3.into()])]);
    assert_eq!(bench.asked(&third).await, [next.key]);
}

pub(super) async fn lists_ask_for_attributes(bench: Bench) {
    let worker = bench.worker().await;
    let mut runs = Vec::new();
    for n in 0..9_i64 {
        let size = if n == 8 { "8".into() } else { n.into() };
        let customer = ["a", "b", "ab"][usize::try_from(n % 3).unwrap_or(0)];
        let given = [("customer", customer.into()), ("size", size)];
        let key = bench.given(&format!("order {n}"), &given).await;
        runs.insert(0, key);
        if n % 2 == 0 {
            worker.claim(key).await;
            let end = if n == 4 { failed() } else { completed() };
            assert_eq!(worker.commit(turn(key, 0, end)).await, Committed::Done);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let nobody = bench.other_tenant();
    nobody.given("order 0", &[("customer", "a".into()), ("size", 1.into())]).await;
    let run = |numbers: &[usize]| numbers.iter().map(|n| runs[8 - n]).collect::<Vec<_>>();
    let customer = |values: &[&str]| {
        AttributeFilter::one_of("customer", values.iter().map(|value| (*value).into()))
    };
    let size = |range: std::ops::Range<i64>| {
        AttributeFilter::within("size", &(AttributeValue::from(range.start)..range.end.into()))
    };
    let every = AttributeFilter::within("size", &..);
    assert_eq!(bench.asked(&of(&[customer(&["a"])])).await, run(&[6, 3, 0]));
    assert_eq!(bench.asked(&of(&[customer(&["ab", "a"])])).await, run(&[8, 6, 5, 3, 2, 0]));
    assert_eq!(bench.asked(&of(&[customer(&["nobody"])])).await, []);
    assert_eq!(bench.asked(&of(&[customer(&[])])).await, []);
    assert_eq!(bench.asked(&of(&[size(2..100)])).await, run(&[7, 6, 5, 4, 3, 2]), "text is none");
    assert_eq!(bench.asked(&of(&[every])).await, runs);
    assert_eq!(bench.asked(&of(&[customer(&["a", "b"]), size(1..6)])).await, run(&[4, 3, 1]));
    assert_eq!(bench.asked(&of(&[size(0..9), size(6..99)])).await, run(&[7, 6]));
    let unknown = AttributeFilter::one_of("nothing", [1.into()]);
    assert_eq!(bench.asked(&of(&[unknown])).await, []);
    let status = Some(RunStatus::Failed);
    let failed = ListFilter { status, ..of(&[customer(&["b"])]) };
    assert_eq!(bench.asked(&failed).await, run(&[4]));
    let running = ListFilter { status: Some(RunStatus::Running), ..of(&[size(0..6)]) };
    assert_eq!(bench.asked(&running).await, run(&[5, 3, 1]));
    let middle = Some(bench.view(runs[4]).await.created_at);
    let newer = ListFilter { created_after: middle, ..of(&[customer(&["a", "b"])]) };
    assert_eq!(bench.asked(&newer).await, run(&[7, 6, 4]));
    let older = ListFilter { created_before: middle, ..of(&[size(1..9)]) };
    assert_eq!(bench.asked(&older).await, run(&[3, 2, 1]));
    let page = ListFilter { limit: 2, ..of(&[customer(&["a", "b"])]) };
    let first = bench.store.list(bench.tenant, &page).await.expect("list");
    assert_eq!(first.runs.iter().map(|run| run.key).collect::<Vec<_>>(), run(&[7, 6]));
    assert_eq!(first.runs[0].attributes["size"], 7.into(), "they are shown");
    let rest = ListFilter { behind: first.next, ..of(&[customer(&["a", "b"])]) };
    assert_eq!(bench.asked(&rest).await, run(&[4, 3, 1, 0]));
    let payloads = ListFilter { payloads: true, ..of(&[customer(&["ab"])]) };
    let whole = bench.store.list(bench.tenant, &payloads).await.expect("list").runs;
    assert!(whole.len() == 3 && whole.iter().all(|run| run.input().is_some()));
    assert_eq!(whole[0].attributes["customer"], "ab".into());
}
