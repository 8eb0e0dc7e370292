//! An operation's number is taken where it is called, so that results are never swapped.

use expect_test::expect;

use super::check;
use super::script::{charge, email, ship};
use super::stage::{Fires, completes};
use crate::combinators::{join, join_all};
use crate::durable::block;

#[test]
fn numbers_are_taken_at_the_call_not_at_the_poll() {
    let script = script!(|ctx| {
        let first = charge(ctx, 1);
        let second = ship(ctx, 2);
        let second = second.await?; // awaited before the first
        Ok((first.await?, second))
    });
    check(
        script,
        &[completes(1, 20), completes(0, 10)],
        expect![[r#"
            begin: run ship(2) #1
            #1 completes with 20: run charge(1) #0
            #0 completes with 10: gives [10,20]
        "#]],
    );
}

#[test]
fn parallel_results_find_their_calls_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let script = script!(|ctx| {
            let (a, b, c) = join((charge(ctx, 1), charge(ctx, 2), charge(ctx, 3))).await;
            Ok((a?, b?, c?))
        });
        let (mut stage, _) = super::Stage::begin(script, &serde_json::json!({}));
        for op in order {
            stage.happen(&completes(op, u64::from(op) + 100)).expect("not stuck");
            stage.assert_replays();
        }
        assert_eq!(stage.outcome.as_deref(), Some("gives [100,101,102]"), "{order:?}");
    }
}

#[test]
fn a_sequence_of_identical_activities_keeps_its_order() {
    let script = script!(|ctx| {
        let mut results = Vec::new();
        for _ in 0..4 {
            results.push(charge(ctx, 5).await?);
        }
        Ok(results)
    });
    let history = [completes(0, 10), completes(1, 11), completes(2, 12), completes(3, 13)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(5) #0
            #0 completes with 10: run charge(5) #1
            #1 completes with 11: run charge(5) #2
            #2 completes with 12: run charge(5) #3
            #3 completes with 13: gives [10,11,12,13]
        "#]],
    );
}

#[test]
fn identical_calls_in_parallel_keep_their_order() {
    let script = script!(|ctx| {
        let calls = (0..3).map(|_| charge(ctx, 5));
        let results = join_all(calls).await;
        results.into_iter().collect::<crate::error::Result<Vec<_>>>()
    });
    check(
        script,
        &[completes(2, 12), completes(0, 10), completes(1, 11)],
        expect![[r#"
            begin: run charge(5) #0, run charge(5) #1, run charge(5) #2
            #2 completes with 12: waits
            #0 completes with 10: waits
            #1 completes with 11: gives [10,11,12]
        "#]],
    );
}

#[test]
fn branches_take_numbers_as_they_get_there() {
    let script = script!(|ctx| {
        let left = block(async {
            let first = charge(ctx, 1).await?;
            email(ctx, first).await
        });
        let right = block(async {
            ctx.sleep(std::time::Duration::from_secs(9)).await?;
            ship(ctx, 2).await
        });
        let (left, right) = join((left, right)).await;
        Ok((left?, right?))
    });
    let history = [Fires(1), completes(0, 10), completes(2, 20), completes(3, 30)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 9s
            #1 fires: run ship(2) #2
            #0 completes with 10: run email(10) #3
            #2 completes with 20: waits
            #3 completes with 30: gives [30,20]
        "#]],
    );
}
