//! What is paused: known to every look, and said of every run that it holds for.

use super::bench::{Bench, completed, turn};
use crate::store::{Committed, NewPause, PauseRow, PauseScope};

fn pause(scope: &PauseScope, reason: &str) -> NewPause {
    let (reason, author) = (Some(reason.to_owned()), Some("ann".to_owned()));
    NewPause { scope: scope.clone(), reason, author }
}

impl Bench {
    async fn pause(&self, scope: &PauseScope, reason: &str) -> bool {
        self.store.pause(&pause(scope, reason)).await.expect("pause")
    }

    async fn resume(&self, scope: &PauseScope) -> bool {
        self.store.resume(scope).await.expect("resume")
    }

    async fn pauses(&self) -> Vec<(PauseScope, Option<String>)> {
        let rows = self.store.pauses().await.expect("pauses");
        assert!(rows.iter().all(|row| row.author.as_deref() == Some("ann")), "{rows:?}");
        rows.into_iter().map(|PauseRow { scope, reason, .. }| (scope, reason)).collect()
    }
}

pub(super) async fn a_pause_is_listed_until_it_ends(bench: Bench) {
    let (queue, one) =
        (PauseScope::queue("default"), PauseScope::workflow_version(&*bench.workflow, 1));
    assert!(!bench.resume(&queue).await, "it is not paused");
    assert!(bench.pause(&queue, "flood").await);
    assert!(bench.pause(&one, "wrong").await);
    assert!(!bench.pause(&queue, "fire").await, "it is paused already");
    let expected = [(queue.clone(), Some("fire".to_owned())), (one, Some("wrong".to_owned()))];
    assert_eq!(bench.pauses().await, expected);
    assert!(!bench.resume(&PauseScope::Everything).await, "that is another one");
    assert!(!bench.resume(&PauseScope::workflow(&*bench.workflow)).await, "of all versions");
    assert!(bench.resume(&queue).await);
    assert!(!bench.resume(&queue).await, "it has ended");
    assert_eq!(bench.pauses().await, expected[1..]);
}

pub(super) async fn a_look_says_when_something_else_is_paused(bench: Bench) {
    let worker = bench.worker().await;
    let stamp = async || worker.poll().await.pauses;
    assert_eq!(stamp().await, 0, "nothing is");
    let mut seen = vec![0];
    let scopes = [PauseScope::Everything, PauseScope::queue("a"), PauseScope::queue("b")];
    for scope in &scopes {
        bench.pause(scope, "why").await;
        seen.push(stamp().await);
    }
    assert_eq!(stamp().await, seen[3], "the same is paused");
    bench.pause(&scopes[1], "another reason").await;
    assert_eq!(stamp().await, seen[3], "the same is paused");
    bench.resume(&scopes[1]).await;
    seen.push(stamp().await);
    bench.resume(&scopes[0]).await;
    seen.push(stamp().await);
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), seen.len(), "{seen:?}");
    bench.resume(&scopes[2]).await;
    assert_eq!(stamp().await, 0, "nothing is");
}

pub(super) async fn a_description_names_the_pause(bench: Bench) {
    let worker = bench.worker().await;
    let key = bench.started("order").await;
    let paused = async || bench.view(key).await.paused.map(|pause| pause.scope);
    assert_eq!(paused().await, None);
    let others = [
        PauseScope::queue("other"),
        PauseScope::workflow("other"),
        PauseScope::workflow_version(&*bench.workflow, 2),
    ];
    for other in &others {
        bench.pause(other, "not this one").await;
        assert_eq!(paused().await, None, "{other}");
    }
    let own = [
        PauseScope::workflow_version(&*bench.workflow, 1),
        PauseScope::workflow(&*bench.workflow),
        PauseScope::queue("default"),
        PauseScope::Everything,
    ];
    for own in &own {
        bench.pause(own, "this one").await;
        assert_eq!(paused().await.as_ref(), Some(own));
        bench.resume(own).await;
    }
    bench.pause(&own[2], "first").await;
    bench.pause(&own[3], "second").await;
    let first = bench.view(key).await.paused.expect("it is paused");
    assert_eq!((first.scope, first.reason.as_deref()), (own[2].clone(), Some("first")));
    assert_eq!(first.author.as_deref(), Some("ann"));
    worker.claim(key).await;
    assert_eq!(worker.commit(turn(key, 0, completed())).await, Committed::Done);
    assert_eq!(bench.view(key).await.paused, None, "it has ended");
}
