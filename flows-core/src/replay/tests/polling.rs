//! When the workflow's future is polled, and what a poll asks for.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use expect_test::expect;

use super::check;
use super::script::{charge, email, ship};
use super::stage::{Fires, Stage, completes, signal};
use crate::combinators::join;
use crate::durable::block;

#[test]
fn the_first_poll_asks_for_what_comes_first() {
    let script = script!(|ctx| {
        let receipt = charge(ctx, 7).await?;
        ctx.sleep(Duration::from_secs(60)).await?;
        ship(ctx, receipt).await
    });
    let history = [completes(0, 70), Fires(1), completes(2, 700)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(7) #0
            #0 completes with 70: timer #1 at 61s
            #1 fires: run ship(70) #2
            #2 completes with 700: gives 700
        "#]],
    );
}

#[test]
fn a_poll_asks_for_everything_that_can_begin() {
    let script = script!(|ctx| {
        let both = join((charge(ctx, 1), ship(ctx, 2)));
        let third = ctx.timeout(Duration::from_secs(5), ctx.signal::<u64>("third"));
        let ((a, b), c) = join((both, third)).await;
        Ok((a?, b?, c?))
    });
    let history = [completes(1, 20), signal("third", 3), completes(0, 10)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1, timer #3 at 5s
            #1 completes with 20: waits
            signal third 3: cancel timer #3
            #0 completes with 10: gives [10,20,3]
        "#]],
    );
}

#[test]
fn a_call_that_is_not_awaited_asks_for_nothing() {
    let script = script!(|ctx| {
        let _unused = charge(ctx, 1);
        drop(email(ctx, 2));
        ship(ctx, 3).await
    });
    check(
        script,
        &[completes(2, 30)],
        expect![[r#"
            begin: run ship(3) #2
            #2 completes with 30: gives 30
        "#]],
    );
}

#[test]
fn a_started_call_runs_while_others_are_awaited() {
    let script = script!(|ctx| {
        let early = charge(ctx, 1).start();
        let late = ship(ctx, 2).await?;
        Ok((early.await?, late))
    });
    check(
        script,
        &[completes(0, 10), completes(1, 20)],
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1
            #0 completes with 10: waits
            #1 completes with 20: gives [10,20]
        "#]],
    );
}

#[test]
fn a_result_that_is_not_awaited_yet_waits_for_its_await() {
    let script = script!(|ctx| {
        let early = charge(ctx, 1).start();
        ship(ctx, 2).await?;
        let early = early.await?;
        email(ctx, early).await
    });
    let history = [completes(0, 10), completes(1, 20), completes(2, 30)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1
            #0 completes with 10: waits
            #1 completes with 20: run email(10) #2
            #2 completes with 30: gives 30
        "#]],
    );
}

#[test]
fn each_event_is_one_poll() {
    static POLLS: AtomicU32 = AtomicU32::new(0);
    let script = script!(|ctx| {
        let (first, second, never) = (charge(ctx, 1), ship(ctx, 2), ctx.signal::<u64>("never"));
        let mut silence = ctx.signal::<u64>("silence");
        let counting = block(std::future::poll_fn(|cx| {
            POLLS.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut silence).poll(cx)
        }));
        let all = join((counting, first, second, never)).await;
        all.1
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    let mut polls = vec![POLLS.load(Ordering::Relaxed)];
    for happens in [completes(1, 2), signal("other", 1), completes(0, 1)] {
        stage.happen(&happens).expect("not stuck").expect("wanted");
        polls.push(POLLS.load(Ordering::Relaxed));
    }
    assert_eq!(polls, [1, 2, 3, 4], "live");
    stage.replayed();
    assert_eq!(POLLS.load(Ordering::Relaxed), 8, "a replay polls as often");
}
