//! `select!`, `race` and `ctx.timeout`: losers are cancelled, and what comes for them is dropped.

use std::time::Duration;

use expect_test::expect;

use super::check;
use super::script::{charge, email, seen, ship};
use super::stage::{Fails, Fires, completes, signal};
use crate::combinators::{Select2, Select3, join, race, select, try_join_all};
use crate::context::WorkflowContext;
use crate::durable::block;

const MINUTE: Duration = Duration::from_secs(60);

fn which<A, B>(first: &Select2<A, B>) -> &'static str {
    match first {
        Select2::_0(_) => "the first",
        Select2::_1(_) => "the second",
    }
}

async fn next(ctx: &WorkflowContext, which: &str) -> crate::error::Result<String> {
    let sent = email(ctx, 9).await?;
    Ok(format!("{which}, then {sent}"))
}

#[test]
fn the_activity_that_loses_is_cancelled() {
    let script = script!(|ctx| {
        let first = select((charge(ctx, 1), ship(ctx, 2))).await;
        next(ctx, which(&first)).await
    });
    check(
        script,
        &[completes(1, 20), completes(0, 10), completes(2, 5)],
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1
            #1 completes with 20: cancel activity #0, run email(9) #2
            #0 completes with 10: not wanted
            #2 completes with 5: gives "the second, then 5"
        "#]],
    );
}

#[test]
fn the_timer_that_loses_vanishes() {
    let script = script!(|ctx| {
        let first = select((charge(ctx, 1), ctx.sleep(MINUTE))).await;
        next(ctx, which(&first)).await
    });
    check(
        script,
        &[completes(0, 10), Fires(1), completes(2, 5)],
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 60s
            #0 completes with 10: cancel timer #1, run email(9) #2
            #1 fires: not wanted
            #2 completes with 5: gives "the first, then 5"
        "#]],
    );
}

#[test]
fn the_signal_that_loses_stays_for_the_next_to_wait() {
    let script = script!(|ctx| {
        let first = select((ctx.signal::<u64>("go"), charge(ctx, 1))).await;
        Ok((which(&first), ctx.signal::<u64>("go").await?))
    });
    check(
        script,
        &[completes(1, 10), signal("go", 4)],
        expect![[r#"
            begin: run charge(1) #1
            #1 completes with 10: waits
            signal go 4: gives ["the second",4]
        "#]],
    );
}

#[test]
fn of_several_that_are_ready_the_first_written_wins() {
    let script = script!(|ctx| {
        let (a, b) = (charge(ctx, 1).start(), ship(ctx, 2).start());
        ctx.signal::<u64>("go").await?;
        let first = select((ctx.sleep(MINUTE), b, a)).await;
        Ok(match first {
            Select3::_0(_) => "timer",
            Select3::_1(_) => "ship",
            Select3::_2(_) => "charge",
        })
    });
    check(
        script,
        &[completes(0, 10), completes(1, 20), signal("go", 1)],
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1
            #0 completes with 10: waits
            #1 completes with 20: waits
            signal go 1: gives "ship"
        "#]],
    );
}

#[test]
fn a_branch_that_loses_is_dropped_where_it_stands() {
    let script = script!(|ctx| {
        let long = block(async {
            charge(ctx, 1).await?;
            join((ship(ctx, 2), ctx.sleep(MINUTE))).await.0
        });
        let first = select((ctx.signal::<u64>("stop"), long)).await;
        Ok(which(&first))
    });
    check(
        script,
        &[completes(1, 10), signal("stop", 1)],
        expect![[r#"
            begin: run charge(1) #1
            #1 completes with 10: timer #3 at 61s, run ship(2) #2
            signal stop 1: cancel activity #2, cancel timer #3, gives "the first"
        "#]],
    );
}

#[test]
fn race_gives_the_first_and_cancels_the_rest() {
    let script = script!(|ctx| { race((1..4).map(|input| charge(ctx, input))).await });
    check(
        script,
        &[completes(1, 11)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1, run charge(3) #2
            #1 completes with 11: cancel activity #0, cancel activity #2, gives 11
        "#]],
    );
}

#[test]
fn losers_are_dropped_even_if_the_combinator_is_kept() {
    let script = script!(|ctx| {
        let mut selected = select((charge(ctx, 1), ship(ctx, 2)));
        let mut raced = race([charge(ctx, 3), charge(ctx, 4)]);
        let mut joined = try_join_all([charge(ctx, 5), charge(ctx, 6)]);
        let mut timed = ctx.timeout(MINUTE, charge(ctx, 7));
        (&mut selected).await;
        (&mut raced).await?;
        (&mut joined).await.unwrap_err();
        (&mut timed).await.unwrap_err();
        let sent = email(ctx, 9).await?;
        drop((selected, raced, joined, timed));
        Ok(sent)
    });
    let history = [completes(0, 1), completes(3, 2), Fails(4, "declined"), Fires(7)];
    check(
        script,
        &history,
        expect![[r#"
        begin: run charge(1) #0, run ship(2) #1, timer #7 at 60s
        #0 completes with 1: cancel activity #1, run charge(3) #2, run charge(4) #3
        #3 completes with 2: cancel activity #2, run charge(5) #4, run charge(6) #5
        #4 fails: declined: cancel activity #5, run charge(7) #6
        #7 fires: cancel activity #6, run email(9) #8
    "#]],
    );
}

#[test]
fn a_timeout_begins_at_the_event_that_led_to_it() {
    let script = script!(|ctx| {
        charge(ctx, 1).await?;
        ctx.timeout(MINUTE, charge(ctx, 2)).await
    });
    check(
        script,
        &[completes(0, 10), completes(1, 20)],
        expect![[r#"
        begin: run charge(1) #0
        #0 completes with 10: timer #2 at 61s, run charge(2) #1
        #1 completes with 20: cancel timer #2, gives 20
    "#]],
    );
}

#[test]
fn a_timeout_that_passes_cancels_what_it_waited_for() {
    let script = script!(|ctx| {
        let error = ctx.timeout(MINUTE, charge(ctx, 1)).await.expect_err("a timeout");
        assert!(error.is_timeout());
        next(ctx, &seen(&error)).await
    });
    check(
        script,
        &[Fires(1), completes(0, 10), completes(2, 5)],
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 60s
            #1 fires: cancel activity #0, run email(9) #2
            #0 completes with 10: not wanted
            #2 completes with 5: gives "timeout: timed out after 60s, waiting for activity `charge`, then 5"
        "#]],
    );
}

#[test]
fn a_timeout_that_does_not_pass_vanishes() {
    let script = script!(|ctx| {
        let receipt = ctx.timeout(MINUTE, charge(ctx, 1)).await?;
        next(ctx, &receipt.to_string()).await
    });
    check(
        script,
        &[completes(0, 10), Fires(1), completes(2, 5)],
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 60s
            #0 completes with 10: cancel timer #1, run email(9) #2
            #1 fires: not wanted
            #2 completes with 5: gives "10, then 5"
        "#]],
    );
}

#[test]
fn timeouts_nest() {
    let script = script!(|ctx| {
        let inner = ctx.timeout(MINUTE, ctx.signal::<u64>("go"));
        let outer = ctx.timeout(MINUTE / 2, inner).await;
        Ok(seen(&outer.expect_err("a timeout")))
    });
    check(
        script,
        &[Fires(2)],
        expect![[r#"
            begin: timer #1 at 60s, timer #2 at 30s
            #2 fires: cancel timer #1, gives "timeout: timed out after 30s, waiting for signal `go`"
        "#]],
    );
}

#[test]
fn a_dropped_call_is_cancelled() {
    let script = script!(|ctx| {
        let (early, timer) = (charge(ctx, 1).start(), ctx.sleep(MINUTE));
        ctx.signal::<u64>("go").await?;
        drop((early, timer));
        ctx.signal::<u64>("go").await
    });
    check(
        script,
        &[signal("go", 1), signal("go", 2)],
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 60s
            signal go 1: cancel activity #0, cancel timer #1
            signal go 2: gives 2
        "#]],
    );
}
