//! Streams of items: in order, each once if it has a number, the newest of them.

use super::bench::{Bench, completed, no_turn, turn};
use crate::ids::RunKey;
use crate::store::{
    Committed, ItemPage, NewItem, Next, Record, RunStatus, STREAM_BYTES, STREAM_ITEMS, STREAM_PAGE,
    StoredItem,
};

fn numbered(number: i64) -> NewItem {
    NewItem { number: Some(number), item: number.to_string() }
}

fn publishing(record: Record, numbers: impl IntoIterator<Item = i64>) -> Record {
    Record { items: numbers.into_iter().map(numbered).collect(), ..record }
}

impl Bench {
    async fn page(&self, key: RunKey, from: i64) -> ItemPage {
        self.store.read_items(key, from).await.expect("items").expect("a run")
    }

    /// All items, page by page.
    async fn items(&self, key: RunKey) -> Vec<String> {
        let (mut items, mut from) = (Vec::new(), 0);
        loop {
            let page = self.page(key, from).await.items;
            let Some(StoredItem { position, .. }) = page.last() else { return items };
            from = position + 1;
            items.extend(page.into_iter().map(|item| item.item));
        }
    }

    /// Publishes as activities do.
    async fn publish(&self, items: impl IntoIterator<Item = (RunKey, &str)>) {
        let item = |(key, item): (_, &str)| (key, NewItem { number: None, item: item.to_owned() });
        let items: Vec<_> = items.into_iter().map(item).collect();
        let answers = self.store.publish_items(&items).await.expect("published");
        assert_eq!(answers.len(), items.len());
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
}

pub(super) async fn items_are_read_in_order_from_any_position(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(
        bench.page(key, 0).await,
        ItemPage { items: Vec::new(), status: RunStatus::Running, successor: None }
    );
    let many = 2 * STREAM_PAGE as i64 + 1;
    let record = publishing(turn(key, 0, Next::Stay), 0..many);
    assert_eq!(worker.commit(record).await, Committed::Done);
    let first = bench.page(key, 0).await.items;
    assert_eq!(first.len(), STREAM_PAGE);
    assert!(first.is_sorted_by_key(|item| item.position));
    let from = first[40].position;
    assert_eq!(bench.page(key, from).await.items[0], first[40]);
    assert_eq!(bench.items(key).await, (0..many).map(|n| n.to_string()).collect::<Vec<_>>());
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..key };
    assert_eq!(bench.store.read_items(elsewhere, 0).await.expect("nothing"), None);
    assert_eq!(worker.commit(turn(key, 1, completed())).await, Committed::Done);
    let page = bench.page(key, from).await;
    assert_eq!((page.items[0].clone(), page.status), (first[40].clone(), RunStatus::Completed));
}

/// Of a worker that has lost its answer, or the run, and does not know it.
pub(super) async fn items_with_numbers_are_added_once(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    let first = publishing(no_turn(key, 0, Next::Stay), [0, 1]);
    assert_eq!(worker.commit(first.clone()).await, Committed::Done);
    assert_eq!(worker.commit(first.clone()).await, Committed::Done);
    let more = publishing(no_turn(key, 0, Next::Stay), [0, 1, 2, 7]);
    assert_eq!(worker.commit(more).await, Committed::Done);
    let later = publishing(turn(key, 0, Next::Stay), [7, 1 << 20]);
    assert_eq!(worker.commit(later).await, Committed::Done);
    worker.commit(first).await;
    assert_eq!(bench.items(key).await, ["0", "1", "2", "7", "1048576"]);
}

pub(super) async fn items_go_with_their_record(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    assert_eq!(worker.commit(turn(key, 0, Next::Stay)).await, Committed::Done);
    let lost = publishing(turn(key, 0, Next::Stay), [5]);
    assert_eq!(worker.commit(lost).await, Committed::Lost);
    assert_eq!(bench.items(key).await, [""; 0]);
    let last = publishing(turn(key, 1, completed()), [6]);
    assert_eq!(worker.commit(last).await, Committed::Done);
    assert_eq!(bench.items(key).await, ["6"], "with the end");
}

pub(super) async fn items_of_activities_come_between_and_not_after_the_end(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    bench.publish([(key, "\"a\""), (key, "\"b\"")]).await;
    let own = publishing(turn(key, 0, Next::Stay), [0]);
    assert_eq!(worker.commit(own).await, Committed::Done);
    bench.publish([(key, "\"a\"")]).await;
    assert_eq!(bench.items(key).await, ["\"a\"", "\"b\"", "0", "\"a\""]);
    assert_eq!(worker.commit(turn(key, 1, completed())).await, Committed::Done);
    bench.publish([(key, "\"late\"")]).await;
    let nobody = RunKey::new(bench.tenant, None);
    bench.publish([(nobody, "\"for nobody\"")]).await;
    assert_eq!(bench.items(key).await.len(), 4);
}

pub(super) async fn the_newest_items_are_kept(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.owned("order", &worker).await;
    for (position, first) in (0..).zip((0..STREAM_ITEMS + 4_000).step_by(2_000)) {
        let record = publishing(turn(key, position, Next::Stay), first..first + 2_000);
        assert_eq!(worker.commit(record).await, Committed::Done);
    }
    let kept: Vec<_> = (4_000..STREAM_ITEMS + 4_000).map(|n| n.to_string()).collect();
    assert_eq!(bench.items(key).await, kept, "by number");
    let large = format!("\"{}\"", "x".repeat((STREAM_BYTES / 4) as usize - 2));
    for _ in 0..3 {
        bench.publish([(key, &*large)]).await;
    }
    let items = bench.items(key).await;
    assert_eq!(items.len() as i64, STREAM_ITEMS, "a quarter is left for the small ones");
    bench.publish([(key, &*large), (key, "1")]).await;
    assert_eq!(bench.items(key).await, [&*large, &large, &large, "1"], "by bytes");
    bench.publish([(key, "2")]).await;
    let positions: Vec<_> =
        bench.page(key, 0).await.items.iter().map(|item| item.position).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
}

pub(super) async fn items_of_many_runs_are_written_together(bench: Bench) {
    let worker = bench.worker().await;
    let other = bench.other_tenant();
    let runs = [bench.owned("a", &worker).await, bench.owned("b", &worker).await];
    let theirs = other.worker().await;
    let foreign = other.owned("a", &theirs).await;
    bench.publish([(runs[0], "1"), (foreign, "2"), (runs[1], "3"), (runs[0], "4")]).await;
    assert_eq!(bench.items(runs[0]).await, ["1", "4"]);
    assert_eq!(bench.items(runs[1]).await, ["3"]);
    assert_eq!(other.items(foreign).await, ["2"]);
}
