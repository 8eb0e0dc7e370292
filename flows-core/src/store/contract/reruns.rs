//! Dead letters: listed, rerun once, under the same id, with their lineage.

use super::bench::{Bench, completed, failed};
use crate::error::ErrorKind;
use crate::ids::RunKey;
use crate::store::{ConflictPolicy, DeadLetterRow, NewRun, Placement, Started};

async fn dead_letters(bench: &Bench) -> Vec<DeadLetterRow> {
    bench.store.dead_letters(bench.tenant, 10, false).await.expect("dead letters")
}

pub(super) async fn a_dead_letter_is_listed_until_it_is_rerun(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended("order", &worker, failed()).await;
    assert!(dead_letters(&bench.other_tenant()).await.is_empty());
    let letter = dead_letters(&bench).await.remove(0);
    assert_eq!((letter.key, letter.workflow_id.as_deref()), (key, Some("order")));
    assert_eq!((&*letter.workflow, letter.version, letter.attempt), (&*bench.workflow, 1, 1));
    assert!(letter.error.is_some_and(|error| error.contains("declined")));
    assert_eq!(Some(letter.failed_at), bench.view(key).await.closed_at);
    let next = bench.successor(key, "order");
    assert_eq!(bench.store.rerun(key, &next).await.expect("rerun"), Started::Created);
    assert!(dead_letters(&bench).await.is_empty());
    let again = bench.store.rerun(key, &bench.successor(key, "order")).await;
    assert_eq!(again.expect_err("once").kind(), ErrorKind::NotFound);
}

pub(super) async fn a_rerun_keeps_the_lineage_and_the_id(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended("order", &worker, failed()).await;
    let next = bench.successor(key, "order");
    assert_eq!(bench.store.rerun(key, &next).await.expect("rerun"), Started::Created);
    assert_eq!(bench.find("order").await, Some(next.key));
    assert_eq!(bench.view(key).await.successor, Some(next.key.run));
    assert_eq!(bench.view(next.key).await.spec.predecessor, Some(key.run));
    assert_eq!(bench.place(next.key).await, Some(Placement::Ready { served: true }));
    worker.claim(next.key).await;
}

pub(super) async fn what_did_not_fail_is_not_rerun(bench: Bench) {
    let worker = bench.worker().await;
    let done = bench.ended("done", &worker, completed()).await;
    let dead = bench.ended("dead", &worker, failed()).await;
    let open = bench.started("open").await;
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..dead };
    for key in [done, open, elsewhere] {
        let next = bench.successor(key, "").with(|spec| spec.workflow_id = None);
        let refused = bench.store.rerun(key, &next).await.expect_err("not dead");
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
        assert!(bench.store.describe(next.key).await.expect("describe").is_none());
    }
    assert_eq!(dead_letters(&bench).await.len(), 1);
}

pub(super) async fn of_racing_reruns_one_wins(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended("order", &worker, failed()).await;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let bench = bench.clone();
        racers.spawn(async move {
            let next = bench.successor(key, "").with(|spec| spec.workflow_id = None);
            bench.store.rerun(key, &next).await
        });
    }
    let answers = racers.join_all().await;
    let won = answers.iter().filter(|answer| matches!(answer, Ok(Started::Created))).count();
    assert_eq!(won, 1, "{answers:?}");
    assert_eq!(worker.claim_some(key.shard, 10).await.len(), 1);
}

pub(super) async fn a_rerun_does_not_take_an_id_from_another_run(bench: Bench) {
    let worker = bench.worker().await;
    let dead = bench.ended("order", &worker, failed()).await;
    let other = NewRun { on_conflict: ConflictPolicy::TerminateExisting, ..bench.run("order") };
    assert_eq!(bench.start(&other).await.expect("start"), Started::Created);
    let refused = bench.store.rerun(dead, &bench.successor(dead, "order")).await;
    assert_eq!(refused.expect_err("taken").kind(), ErrorKind::AlreadyExists);
    assert_eq!(bench.find("order").await, Some(other.key));
    assert_eq!(dead_letters(&bench).await.len(), 1, "it is still there");
}

pub(super) async fn a_dead_letter_is_dismissed_once_and_can_be_rerun(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.ended("order", &worker, failed()).await;
    let other = bench.ended("other", &worker, failed()).await;
    let elsewhere = RunKey { tenant: bench.other_tenant().tenant, ..key };
    let refused = bench.store.dismiss(elsewhere, "no").await.expect_err("of another tenant");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    bench.store.dismiss(key, "it is done by hand").await.expect("dismiss");
    let listed: Vec<_> = dead_letters(&bench).await.iter().map(|dead| dead.key).collect();
    assert_eq!(listed, [other]);
    let dismissed = bench.store.dead_letters(bench.tenant, 10, true).await.expect("dead letters");
    let [letter] = &dismissed[..] else { panic!("one: {dismissed:?}") };
    assert_eq!((letter.key, letter.reason.as_deref()), (key, Some("it is done by hand")));
    assert!(letter.dismissed_at >= Some(letter.failed_at));
    let again = bench.store.dismiss(key, "again").await.expect_err("once");
    assert_eq!(again.kind(), ErrorKind::NotFound);
    let next = bench.successor(key, "order");
    assert_eq!(bench.store.rerun(key, &next).await.expect("rerun"), Started::Created);
    assert!(bench.store.dead_letters(bench.tenant, 10, true).await.expect("none").is_empty());
}
