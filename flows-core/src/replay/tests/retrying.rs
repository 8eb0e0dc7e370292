//! Attempts of activities: the machine asks for the next one as the journal says.

use std::time::Duration;

use expect_test::expect;

use super::check;
use super::script::{charge, seen};
use super::stage::{Beats, Fails, Pends, Stage, Stumbles, completes};
use crate::replay::Command;
use crate::retry::RetryPolicy;

#[test]
fn a_failed_attempt_asks_for_the_next_and_keeps_its_heartbeat() {
    let script = script!(|ctx| { charge(ctx, 1).await });
    let history = [Stumbles(0, "busy"), Stumbles(0, "still busy"), completes(0, 10)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0
            #0 stumbles: busy: run charge(1) #0 attempt 2 from 61s after "beat 1"
            #0 stumbles: still busy: run charge(1) #0 attempt 3 from 62s after "beat 2"
            #0 completes with 10: gives 10
        "#]],
    );
}

#[test]
fn an_attempt_that_ends_outside_is_awaited_and_its_heartbeat_kept() {
    let script = script!(|ctx| { charge(ctx, 1).await });
    let history = [Pends(0), Beats(0), Stumbles(0, "late"), Pends(0), completes(0, 10)];
    check(
        script,
        &history,
        expect![[r#"
        begin: run charge(1) #0
        #0 ends outside: await charge #0 until 10s
        #0 goes on outside: await charge #0 until 11s after "alive"
        #0 stumbles: late: run charge(1) #0 attempt 2 from 63s after "beat 1"
        #0 ends outside: await charge #0 attempt 2 until 13s
        #0 completes with 10: gives 10
    "#]],
    );
}

#[test]
fn an_attempt_that_fails_wakes_nobody_else() {
    let script = script!(|ctx| {
        let early = charge(ctx, 1).start();
        let late = charge(ctx, 2).await?;
        Ok((early.await?, late))
    });
    let history = [Stumbles(0, "busy"), completes(1, 20), completes(0, 10)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #0 stumbles: busy: run charge(1) #0 attempt 2 from 61s after "beat 1"
            #1 completes with 20: waits
            #0 completes with 10: gives [10,20]
        "#]],
    );
}

#[test]
fn the_last_failure_is_the_calls_error() {
    let script = script!(|ctx| { Ok(seen(&charge(ctx, 1).await.expect_err("an error"))) });
    check(
        script,
        &[Stumbles(0, "busy"), Fails(0, "declined")],
        expect![[r#"
            begin: run charge(1) #0
            #0 stumbles: busy: run charge(1) #0 attempt 2 from 61s after "beat 1"
            #0 fails: declined: gives "terminal: declined"
        "#]],
    );
}

#[test]
fn an_activity_that_waits_for_its_retry_can_be_cancelled() {
    let script = script!(|ctx| {
        let limit = Duration::from_secs(30);
        Ok(seen(&ctx.timeout(limit, charge(ctx, 1)).await.expect_err("an error")))
    });
    check(
        script,
        &[Stumbles(0, "busy"), super::stage::Fires(1)],
        expect![[r#"
            begin: run charge(1) #0, timer #1 at 30s
            #0 stumbles: busy: run charge(1) #0 attempt 2 from 61s after "beat 1"
            #1 fires: cancel activity #0, gives "timeout: timed out after 30s, waiting for activity `charge`"
        "#]],
    );
}

#[test]
fn options_of_the_call_go_with_the_task() {
    let script = script!(|ctx| {
        charge(ctx, 1)
            .retry(RetryPolicy::never())
            .start_to_close(Duration::from_secs(1))
            .schedule_to_start(Duration::from_secs(2))
            .schedule_to_close(Duration::from_secs(3))
            .queue("gpu")
            .await
    });
    let (_, turn) = Stage::begin(script, &serde_json::json!({}));
    let [Command::RunActivity(start)] = &turn.commands[..] else { panic!("{:?}", turn.commands) };
    let overrides = start.task.overrides.as_deref().expect("overrides");
    assert_eq!(overrides.retry, Some(RetryPolicy::never()));
    assert_eq!(overrides.start_to_close, Some(Duration::from_secs(1)));
    assert_eq!(overrides.schedule_to_start, Some(Duration::from_secs(2)));
    assert_eq!(overrides.schedule_to_close, Some(Duration::from_secs(3)));
    assert_eq!(overrides.queue.as_deref(), Some("gpu"));
}
