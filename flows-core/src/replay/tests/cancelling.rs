//! Cancellation: an error at the next durable operation, except under a shield.

use std::time::Duration;

use expect_test::expect;

use super::check;
use super::script::{charge, email, seen, ship};
use super::stage::{Cancel, Fires, completes, signal};
use crate::combinators::{join, join_all, select};
use crate::durable::block;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn what_waits_gets_an_error_and_is_cancelled() {
    let script = script!(|ctx| {
        let waits = join((charge(ctx, 1), ctx.sleep(MINUTE), ctx.signal::<u64>("go"))).await;
        let errors = (waits.0.unwrap_err(), waits.1.unwrap_err(), waits.2.unwrap_err());
        assert!(errors.0.is_cancelled() && errors.1.is_cancelled() && errors.2.is_cancelled());
        Ok(seen(&errors.0))
    });
    check(
        script,
        &[Cancel("enough")],
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 60s
            cancel: enough: cancel activity #0, cancel timer #1, gives "cancelled: the run was cancelled: enough"
        "#]],
    );
}

#[test]
fn the_error_ends_a_workflow_that_passes_it_on() {
    let script = script!(|ctx| { charge(ctx, 1).await });
    check(
        script,
        &[Cancel("enough")],
        expect![[r#"
            begin: run charge(1) #0
            cancel: enough: cancel activity #0, gives error cancelled: the run was cancelled: enough
        "#]],
    );
}

#[test]
fn what_is_called_later_is_refused() {
    let script = script!(|ctx| {
        let first = charge(ctx, 1).await.map_err(|e| e.is_cancelled());
        let second = ship(ctx, 2).await.map_err(|e| e.is_cancelled());
        let started = ship(ctx, 3).start().await.map_err(|e| e.is_cancelled());
        let slept = ctx.sleep(MINUTE).await.map_err(|e| e.is_cancelled());
        let signal = ctx.signal::<u64>("go").await.map_err(|e| e.is_cancelled());
        Ok((first, second, started, slept, signal))
    });
    check(
        script,
        &[Cancel("enough")],
        expect![[r#"
            begin: run charge(1) #0
            cancel: enough: cancel activity #0, gives [{"Err":true},{"Err":true},{"Err":true},{"Err":true},{"Err":true}]
        "#]],
    );
}

#[test]
fn a_result_that_is_there_is_given() {
    let script = script!(|ctx| {
        let early = charge(ctx, 1).start();
        let late = ship(ctx, 2).await.map_err(|e| seen(&e));
        Ok((early.await?, late))
    });
    check(
        script,
        &[completes(0, 10), Cancel("enough")],
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1
            #0 completes with 10: waits
            cancel: enough: cancel activity #1, gives [10,{"Err":"cancelled: the run was cancelled: enough"}]
        "#]],
    );
}

#[test]
fn a_shield_lets_clean_up_happen() {
    let script = script!(|ctx| {
        let Err(error) = charge(ctx, 1).await else { return Ok("charged".to_owned()) };
        let refund = ctx.shield(block(async {
            ctx.sleep(MINUTE).await?;
            join((email(ctx, 2), ship(ctx, 3))).await.0
        }));
        let refund = refund.await?;
        let after = charge(ctx, 4).await.map_err(|e| e.is_cancelled());
        Ok(format!("{error}; {refund}; {after:?}"))
    });
    let history = [Cancel("enough"), Fires(1), completes(3, 30), completes(2, 20)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0
            cancel: enough: cancel activity #0, timer #1 at 61s
            #1 fires: run email(2) #2, run ship(3) #3
            #3 completes with 30: waits
            #2 completes with 20: gives "the run was cancelled: enough; 20; Err(true)"
        "#]],
    );
}

#[test]
fn cancellation_passes_by_a_shield_that_waits() {
    let script = script!(|ctx| {
        let shielded = ctx.shield(join_all([charge(ctx, 1), charge(ctx, 2)]));
        let (kept, lost) = join((shielded, ship(ctx, 3))).await;
        let kept: Vec<_> = kept.into_iter().map(|result| result.map_err(|e| seen(&e))).collect();
        Ok((kept, lost.map_err(|e| e.is_cancelled())))
    });
    check(
        script,
        &[Cancel("enough"), completes(1, 11), completes(0, 10)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1, run ship(3) #2
            cancel: enough: cancel activity #2
            #1 completes with 11: waits
            #0 completes with 10: gives [[{"Ok":10},{"Ok":11}],{"Err":true}]
        "#]],
    );
}

#[test]
fn a_workflow_can_wait_for_its_cancellation() {
    let script = script!(|ctx| {
        let first = select((ctx.cancelled(), charge(ctx, 1))).await;
        let why = match first {
            crate::combinators::Select2::_0(()) => "cancelled",
            crate::combinators::Select2::_1(_) => "charged",
        };
        ctx.cancelled().await; // the second time at once
        ctx.shield(email(ctx, 2)).await?;
        Ok(why)
    });
    check(
        script,
        &[Cancel("enough"), completes(3, 5)],
        expect![[r#"
            begin: run charge(1) #1
            cancel: enough: cancel activity #1, run email(2) #3
            #3 completes with 5: gives "cancelled"
        "#]],
    );
}

#[test]
fn a_cancellation_that_came_before_is_known_under_a_shield() {
    let script = script!(|ctx| {
        charge(ctx, 1).await.unwrap_err();
        ctx.shield(ctx.cancelled()).await;
        Ok(())
    });
    check(
        script,
        &[Cancel("enough")],
        expect![[r#"
        begin: run charge(1) #0
        cancel: enough: cancel activity #0, gives null
    "#]],
    );
}

#[test]
fn a_second_cancellation_changes_nothing() {
    let script = script!(|ctx| {
        let first = charge(ctx, 1).await.unwrap_err();
        ctx.shield(email(ctx, 2)).await?;
        let second = charge(ctx, 3).await.unwrap_err();
        Ok((seen(&first), seen(&second)))
    });
    check(
        script,
        &[Cancel("enough"), Cancel("again"), completes(1, 5)],
        expect![[r#"
            begin: run charge(1) #0
            cancel: enough: cancel activity #0, run email(2) #1
            cancel: again: waits
            #1 completes with 5: gives ["cancelled: the run was cancelled: enough","cancelled: the run was cancelled: enough"]
        "#]],
    );
}

#[test]
fn signals_still_arrive_under_a_shield() {
    let script = script!(|ctx| {
        charge(ctx, 1).await.unwrap_err();
        ctx.shield(ctx.signal::<u64>("undo")).await
    });
    check(
        script,
        &[Cancel("enough"), signal("undo", 3)],
        expect![[r#"
            begin: run charge(1) #0
            cancel: enough: cancel activity #0
            signal undo 3: gives 3
        "#]],
    );
}

#[test]
fn values_and_side_effects_work_after_cancellation() {
    let script = script!(|ctx| {
        charge(ctx, 1).await.unwrap_err();
        ctx.side_effect(|| 7).await
    });
    check(
        script,
        &[Cancel("enough")],
        expect![[r#"
            begin: run charge(1) #0
            cancel: enough: cancel activity #0, record #1 = 7, gives 7
        "#]],
    );
}

#[test]
fn a_replay_cancels_nothing_that_another_worker_was_asked_for() {
    let script = script!(|ctx| {
        let other = ship(ctx, 2).start();
        let sum = ctx.timeout(Duration::from_secs(9), charge(ctx, 1)).await?;
        drop(other);
        if sum > 10 {
            ctx.signal::<u64>("go").await?;
        }
        Ok(sum)
    });
    for sum in [10, 11] {
        // As after a transactional activity: the event is committed, and the turn behind it is not.
        let journal = [super::stage::completed(1, "charge", 1, sum)];
        let turn = super::stage::replay_events(&script, &journal).expect("not stuck");
        let commands = super::shown::commands(&turn.commands);
        assert!(commands.is_empty(), "{commands:?}");
        assert_eq!(turn.outcome.is_some(), sum == 10);
    }
}
