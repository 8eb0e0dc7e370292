//! Waits on something that is not durable: found in the turn in which they begin, wherever they
//! hide, and told with their place.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use expect_test::{Expect, expect};

use super::script::{charge, ship};
use super::stage::{Fires, Stage, completes, signal};
use super::tree::Branch;
use super::{check_stuck, shown};
use crate::combinators::{Select2, join, join_all, race, select, try_join, try_join_all};
use crate::context::WorkflowContext;
use crate::definition::WorkflowDef;
use crate::durable::block;
use crate::error::{Error, Result};
use crate::replay::watch::entering;

/// Plays the first event and compares why the run is stuck then.
#[track_caller]
fn stuck_behind_a_charge(script: WorkflowDef, expected: Expect) {
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    let stuck = stage.happen(&completes(0, 10)).expect_err("stuck");
    expected.assert_eq(&(shown::without_lines(&stuck.to_string()) + "\n"));
}

/// Whether the first turn is found to wait on something foreign.
#[track_caller]
fn is_found(script: WorkflowDef) {
    let stuck = super::stage::replay_events(&script, &[]).expect_err("stuck");
    let said = "the workflow waits for something that is not durable";
    assert!(stuck.to_string().starts_with(said), "{stuck}");
}

/// What another thread holds of the workflow.
#[derive(Clone, Default)]
struct Elsewhere(Arc<Mutex<Option<Waker>>>);

impl Elsewhere {
    /// A future that something else must wake.
    async fn wait(&self) {
        let mut woken = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[test]
fn beside_an_open_operation() {
    stuck_behind_a_charge(
        script!(|ctx| {
            let first = charge(ctx, 1);
            let other = ship(ctx, 2).start();
            first.await?;
            pending::<()>().await;
            other.await
        }),
        expect![[r#"
            the workflow waits for something that is not durable: a replay could not repeat it
              where:    behind the await at flows-core/src/replay/tests/foreign.rs
              workflow: `script`, flows-core/src/replay/tests/foreign.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn in_a_branch() {
    is_found(script!(|ctx| { join((charge(ctx, 1), block(pending::<()>()))).await.0 }));
    is_found(script!(|ctx| { join((block(pending::<()>()), charge(ctx, 1))).await.1 }));
    is_found(script!(|ctx| {
        try_join((block(pending::<Result<()>>()), charge(ctx, 1))).await.map(|(_, cents)| cents)
    }));
    is_found(script!(|ctx| {
        match select((block(pending::<Result<u64>>()), charge(ctx, 1))).await {
            Select2::_0(cents) | Select2::_1(cents) => cents,
        }
    }));
    is_found(script!(|ctx| {
        ctx.timeout(Duration::from_secs(1), block(pending::<Result<u64>>())).await
    }));
    is_found(script!(|ctx| { ctx.shield(block(pending::<Result<u64>>())).await }));
}

/// Waits for an activity, or for nothing.
async fn charge_or_hang(ctx: &WorkflowContext, input: u64) -> Result<u64> {
    if input == 1 {
        pending::<()>().await;
    }
    charge(ctx, input).await
}

#[test]
fn in_one_of_many() {
    is_found(script!(|ctx| {
        let all = (0..3).map(|input| block(charge_or_hang(ctx, input)));
        join_all(all).await.into_iter().sum::<Result<u64>>()
    }));
    is_found(script!(|ctx| { race((0..3).map(|input| block(charge_or_hang(ctx, input)))).await }));
}

#[test]
fn later_in_one_of_many() {
    stuck_behind_a_charge(
        script!(|ctx| {
            let all = (0..3).map(|input| {
                block(async move {
                    let cents = charge(ctx, input).await?;
                    pending::<()>().await;
                    Ok(cents)
                })
            });
            join_all(all).await.into_iter().sum::<Result<u64>>()
        }),
        expect![[r#"
            the workflow waits for something that is not durable: a replay could not repeat it
              where:    behind the await at flows-core/src/replay/tests/foreign.rs
              workflow: `script`, flows-core/src/replay/tests/foreign.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn deep_inside() {
    is_found(script!(|ctx| {
        let inner = block(async {
            block(async {
                drop(join((ctx.sleep(Duration::from_secs(1)), block(pending::<()>()))).await);
            })
            .await;
        });
        join((inner, charge(ctx, 1))).await.1
    }));
}

#[test]
fn mixed_with_what_is_durable() {
    let elsewhere = Elsewhere::default();
    for durable_last in [true, false] {
        thread_local! {
            static ELSEWHERE: Cell<Option<(Elsewhere, bool)>> = const { Cell::new(None) };
        }
        ELSEWHERE.set(Some((elsewhere.clone(), durable_last)));
        is_found(script!(|ctx| {
            let (elsewhere, durable_last) = ELSEWHERE.take().expect("one of the two");
            let mut foreign = Box::pin(async move { elsewhere.wait().await });
            let mut durable = charge(ctx, 1);
            // Somebody's own `select!`, in the body of a macro.
            poll_fn(|cx| {
                if durable_last && foreign.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(0));
                }
                let polled = Pin::new(&mut durable).poll(cx);
                if !durable_last && foreign.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(0));
                }
                polled
            })
            .await
        }));
    }
}

#[test]
fn woken_by_a_thread_at_once() {
    is_found(script!(|ctx| {
        let mut asked = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            drop(std::thread::spawn(move || waker.wake()).join());
            Poll::Pending
        })
        .await;
        charge(ctx, 1).await
    }));
}

#[test]
fn behind_a_durable_future_that_was_given_up() {
    is_found(script!(|ctx| {
        let mut sleep = Box::pin(ctx.sleep(Duration::from_secs(1)));
        let now = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_ready())).await;
        let other = charge(ctx, 1).start();
        drop(sleep);
        pending::<()>().await;
        Ok((now, other.await?))
    }));
}

#[test]
fn behind_a_durable_future_that_is_kept() {
    is_found(script!(|ctx| {
        let mut kept = ctx.sleep(Duration::from_secs(1));
        let won = select((&mut kept, block(async { Ok::<u64, Error>(1) }))).await;
        pending::<()>().await;
        Ok(matches!(won, Select2::_0(_)))
    }));
    is_found(script!(|ctx| {
        let mut kept = ctx.sleep(Duration::from_secs(1));
        let won = select((&mut kept, ctx.side_effect(|| 1))).await;
        pending::<()>().await;
        Ok(matches!(won, Select2::_0(_)))
    }));
    is_found(script!(|ctx| {
        let mut kept: Vec<Branch<'_>> =
            vec![Box::pin(charge(ctx, 1)), Box::pin(ctx.side_effect(|| 1))];
        let won = race(&mut kept).await?;
        pending::<()>().await;
        Ok(won)
    }));
    is_found(script!(|ctx| {
        let mut kept = charge(ctx, 1);
        let failed = std::future::ready(Err::<u64, _>(Error::terminal("no")));
        let failed = try_join((&mut kept, failed)).await;
        pending::<()>().await;
        failed
    }));
    is_found(script!(|ctx| {
        let failed: Branch<'_> = Box::pin(std::future::ready(Err(Error::terminal("no"))));
        let mut kept: Vec<Branch<'_>> = vec![Box::pin(charge(ctx, 1)), failed];
        let failed = try_join_all(&mut kept).await;
        pending::<()>().await;
        failed
    }));
}

#[test]
fn behind_a_durable_future_that_is_kept_for_later() {
    stuck_behind_a_charge(
        script!(|ctx| {
            let charged = charge(ctx, 1);
            let mut kept = ctx.sleep(Duration::from_secs(1));
            let won = select((&mut kept, charged)).await;
            pending::<()>().await;
            Ok(matches!(won, Select2::_0(_)))
        }),
        expect![[r#"
            the workflow waits for something that is not durable: a replay could not repeat it
              where:    behind the await at flows-core/src/replay/tests/foreign.rs
              workflow: `script`, flows-core/src/replay/tests/foreign.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn the_macro_is_named() {
    stuck_behind_a_charge(
        script!(|ctx| {
            charge(ctx, 1).await?;
            let guard = entering();
            pending::<()>().await;
            drop(guard);
            Ok(())
        }),
        expect![[r#"
            the workflow waits for something that is not durable: a replay could not repeat it
              where:    in the macro at flows-core/src/replay/tests/foreign.rs, behind the await at flows-core/src/replay/tests/foreign.rs
              workflow: `script`, flows-core/src/replay/tests/foreign.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn the_macro_is_named_turns_later() {
    let line = line!() + 3; // of the first guard
    let script = script!(|ctx| {
        let both = block(async {
            let guard = entering();
            charge(ctx, 1).await?;
            pending::<()>().await;
            drop(guard);
            Ok::<_, Error>(())
        });
        let outside = entering();
        let other = block(async {
            let guard = entering();
            ctx.sleep(Duration::from_secs(1)).await?;
            drop(guard);
            ctx.signal::<u64>("go").await
        });
        drop(outside);
        join((both, other)).await.0
    });
    let (mut stage, _) = Stage::begin(script, &serde_json::json!({}));
    stage.happen(&Fires(1)).expect("not stuck");
    stage.happen(&signal("stop", 1)).expect("not stuck");
    let stuck = stage.happen(&completes(0, 10)).expect_err("stuck").to_string();
    let place = format!("in the macro at {}:{line}, behind the await at", file!());
    assert!(stuck.contains(&place), "{stuck} should contain {place}");
}

#[test]
fn a_macro_that_was_left_is_not_named() {
    let script = script!(|ctx| {
        let guard = entering();
        charge(ctx, 1).await?;
        drop(guard);
        pending::<()>().await;
        Ok(())
    });
    stuck_behind_a_charge(
        script,
        expect![[r#"
            the workflow waits for something that is not durable: a replay could not repeat it
              where:    behind the await at flows-core/src/replay/tests/foreign.rs
              workflow: `script`, flows-core/src/replay/tests/foreign.rs
            Await activities, children, `ctx.sleep`, `ctx.signal` and the like, or `flows::join!` and `flows::select!` of them; put other waiting into an `#[activity]`.
        "#]],
    );
}

#[test]
fn what_is_durable_is_never_taken_for_foreign() {
    let script = script!(|ctx| {
        // The last of them to be polled is done, while others wait.
        let both = join((ctx.signal::<u64>("go"), ctx.side_effect(|| 5))).await;
        let few = join((charge(ctx, 1), block(async { Ok::<u64, Error>(1) }))).await;
        let many = (0..3).map(|input| block(async move { ctx.shield(ship(ctx, input)).await }));
        let many = join_all(many);
        let cancelled = block(async { ctx.cancelled().await });
        let never = race(std::iter::empty::<crate::context::Cancelled>());
        let all = select((many, select((never, cancelled)))).await;
        Ok((both.0?, few.0?, matches!(all, Select2::_0(_))))
    });
    super::check(
        script,
        &[signal("go", 3), completes(2, 10), completes(5, 1), completes(3, 2), completes(4, 3)],
        expect![[r#"
            begin: record #1 = 5
            signal go 3: run charge(1) #2
            #2 completes with 10: run ship(0) #3, run ship(1) #4, run ship(2) #5
            #5 completes with 1: waits
            #3 completes with 2: waits
            #4 completes with 3: gives [3,10,true]
        "#]],
    );
}

#[test]
fn a_durable_future_that_a_task_polls() {
    let script = script!(|ctx| {
        let mut call = charge(ctx, 1).start();
        let moved = std::thread::spawn(move || {
            let mut cx = std::task::Context::from_waker(Waker::noop());
            drop(Pin::new(&mut call).poll(&mut cx));
            call
        });
        let call = moved.join().expect("a thread");
        call.await
    });
    check_stuck(
        script,
        &[],
        expect![[r#"
            a durable future was polled outside of its workflow, by a task or a thread: activity `charge` (#0), called at flows-core/src/replay/tests/foreign.rs
            Await it in the workflow; for several things at once use `flows::join!` or `.start()`.
        "#]],
    );
}
