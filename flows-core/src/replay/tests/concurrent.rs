//! `map_concurrent` and `stream_concurrent`.

use expect_test::expect;

use super::script::{charge, email, seen, ship};
use super::stage::{Fails, completes, signal};
use super::{check, check_stuck};
use crate::combinators::{Select2, map_concurrent, select, stream_concurrent};
use crate::durable::block;

#[test]
fn the_next_item_is_called_when_another_ends() {
    let script = script!(|ctx| { map_concurrent(1..=5, 2, |item| charge(ctx, item)).await });
    let history =
        [completes(1, 12), completes(2, 13), completes(0, 11), completes(4, 15), completes(3, 14)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #1 completes with 12: run charge(3) #2
            #2 completes with 13: run charge(4) #3
            #0 completes with 11: run charge(5) #4
            #4 completes with 15: waits
            #3 completes with 14: gives [11,12,13,14,15]
        "#]],
    );
}

#[test]
fn the_first_error_cancels_the_others_and_takes_no_item() {
    let script = script!(|ctx| {
        let mapped = map_concurrent(1..=9, 3, |item| charge(ctx, item)).await;
        email(ctx, 1).await?;
        Ok(mapped.map_err(|error| seen(&error)))
    });
    check(
        script,
        &[completes(0, 11), Fails(2, "declined"), completes(4, 1)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1, run charge(3) #2
            #0 completes with 11: run charge(4) #3
            #2 fails: declined: cancel activity #3, cancel activity #1, run email(1) #4
            #4 completes with 1: gives {"Err":"terminal: declined"}
        "#]],
    );
}

/// As many items are taken as have room, also of an iterator that is longer.
#[test]
fn a_batch_gives_each_item_its_own_result() {
    let script = script!(|ctx| {
        let all = ctx.batch((1..).take(4), 2, |item| charge(ctx, item)).await;
        Ok(all.into_iter().map(|result| result.map_err(|e| seen(&e))).collect::<Vec<_>>())
    });
    check(
        script,
        &[Fails(1, "declined"), completes(0, 11), completes(3, 14), completes(2, 13)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #1 fails: declined: run charge(3) #2
            #0 completes with 11: run charge(4) #3
            #3 completes with 14: waits
            #2 completes with 13: gives [{"Ok":11},{"Err":"terminal: declined"},{"Ok":13},{"Ok":14}]
        "#]],
    );
}

#[test]
fn collect_all_goes_on_after_an_error() {
    let script = script!(|ctx| {
        let all = map_concurrent(1..=3, 1, |item| charge(ctx, item)).collect_all().await;
        Ok(all.into_iter().map(|result| result.map_err(|e| seen(&e))).collect::<Vec<_>>())
    });
    check(
        script,
        &[Fails(0, "declined"), completes(1, 12), completes(2, 13)],
        expect![[r#"
            begin: run charge(1) #0
            #0 fails: declined: run charge(2) #1
            #1 completes with 12: run charge(3) #2
            #2 completes with 13: gives [{"Err":"terminal: declined"},{"Ok":12},{"Ok":13}]
        "#]],
    );
}

/// The outputs need not be results, and an item may be several steps.
#[test]
fn items_of_several_steps() {
    let script = script!(|ctx| {
        let both = |item| {
            block(async move {
                let charged = charge(ctx, item).await.unwrap_or_default();
                ship(ctx, charged).await.unwrap_or_default()
            })
        };
        Ok(map_concurrent(1..=2, 9, both).collect_all().await)
    });
    check(
        script,
        &[completes(1, 12), completes(0, 11), completes(2, 22), completes(3, 21)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #1 completes with 12: run ship(12) #2
            #0 completes with 11: run ship(11) #3
            #2 completes with 22: waits
            #3 completes with 21: gives [21,22]
        "#]],
    );
}

#[test]
fn no_items_and_items_that_are_ready_at_once() {
    let script = script!(|ctx| {
        let none = map_concurrent(0..0, 3, |item| charge(ctx, item)).await?;
        let ready = map_concurrent(0..2_000, 3, |item| ctx.side_effect(move || item)).await?;
        let mut stream = stream_concurrent(0..2_000, 3, std::future::ready);
        let mut streamed = Vec::new();
        while let Some(item) = stream.next().await {
            streamed.push(item);
        }
        let is_ordered = |items: &[u64]| (0..2_000).eq(items.iter().copied());
        charge(ctx, 7).await?;
        Ok((none, is_ordered(&ready), is_ordered(&streamed)))
    });
    let (mut stage, _) = super::stage::Stage::begin(script, &serde_json::json!({}));
    stage.happen(&completes(2_000, 7)).expect("not stuck");
    stage.assert_replays();
    assert_eq!(stage.outcome.as_deref(), Some("gives [[],true,true]"));
}

#[test]
fn a_stream_gives_outputs_as_they_come() {
    let script = script!(|ctx| {
        let mut stream = stream_concurrent(1..=4, 2, |item| charge(ctx, item));
        let mut ended = Vec::new();
        while let Some(result) = stream.next().await {
            ended.push(result.map_err(|error| seen(&error)));
        }
        Ok(ended)
    });
    check(
        script,
        &[completes(1, 12), Fails(0, "declined"), completes(3, 14), completes(2, 13)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #1 completes with 12: run charge(3) #2
            #0 fails: declined: run charge(4) #3
            #3 completes with 14: waits
            #2 completes with 13: gives [{"Ok":12},{"Err":"terminal: declined"},{"Ok":14},{"Ok":13}]
        "#]],
    );
}

/// What ends while the workflow does something else is kept, in its order, and keeps its room.
#[test]
fn a_stream_keeps_what_ends_meanwhile() {
    let script = script!(|ctx| {
        let mut stream = stream_concurrent(1..=5, 3, |item| charge(ctx, item));
        let mut ended = vec![stream.next().await.expect("a first one")?];
        email(ctx, 0).await?;
        while let Some(result) = stream.next().await {
            ended.push(result?);
        }
        Ok(ended)
    });
    let history = [
        completes(1, 12),
        completes(3, 14),
        completes(2, 13),
        completes(0, 11),
        completes(4, 0),
        completes(5, 15),
    ];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1, run charge(3) #2
            #1 completes with 12: run charge(4) #3, run email(0) #4
            #3 completes with 14: waits
            #2 completes with 13: waits
            #0 completes with 11: waits
            #4 completes with 0: run charge(5) #5
            #5 completes with 15: gives [12,14,13,11,15]
        "#]],
    );
}

/// A branch that lost a `select!` has taken nothing.
#[test]
fn a_next_that_is_dropped_loses_nothing() {
    let script = script!(|ctx| {
        let mut stream = stream_concurrent(1..=2, 2, |item| charge(ctx, item));
        let mut log = Vec::new();
        loop {
            match select((ctx.signal::<u64>("go"), stream.next())).await {
                Select2::_0(signal) => log.push(signal?),
                Select2::_1(Some(charged)) => log.push(charged?),
                Select2::_1(None) => return Ok(log),
            }
        }
    });
    check(
        script,
        &[signal("go", 1), completes(2, 12), signal("go", 2), completes(1, 11)],
        expect![[r#"
            begin: run charge(1) #1, run charge(2) #2
            signal go 1: waits
            #2 completes with 12: waits
            signal go 2: waits
            #1 completes with 11: gives [1,12,2,11]
        "#]],
    );
}

#[test]
fn a_stream_that_is_dropped_cancels() {
    let script = script!(|ctx| {
        let mut stream = stream_concurrent(1..=9, 2, |item| charge(ctx, item));
        let first = stream.next().await.expect("a first one")?;
        drop(stream);
        email(ctx, first).await
    });
    check(
        script,
        &[completes(0, 11), completes(3, 1)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #0 completes with 11: cancel activity #1, run email(11) #3
            #3 completes with 1: gives 1
        "#]],
    );
}

/// The place is that of the call.
#[test]
fn none_at_once_is_refused() {
    let script = script!(|ctx| { map_concurrent(0..3, 0, |item| charge(ctx, item)).await });
    check_stuck(
        script,
        &[],
        expect![[r#"
        the workflow panicked at flows-core/src/replay/tests/concurrent.rs: `map_concurrent` with at most 0 futures at once would never end; allow 1 or more
    "#]],
    );
}
