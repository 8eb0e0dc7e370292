//! Signals: kept until somebody waits, first in first out, each given once.

use std::pin::Pin;

use expect_test::expect;

use super::check;
use super::script::{charge, seen};
use super::stage::{completes, signal};
use crate::combinators::{join, join_all, select};
use crate::durable::{Durable, block};
use crate::error::Result;

#[test]
fn a_signal_may_come_before_the_wait() {
    let script = script!(|ctx| {
        let receipt = charge(ctx, 1).await?;
        Ok((receipt, ctx.signal::<String>("go").await?))
    });
    check(
        script,
        &[signal("go", "early"), completes(0, 10)],
        expect![[r#"
            begin: run charge(1) #0
            signal go "early": waits
            #0 completes with 10: gives [10,"early"]
        "#]],
    );
}

#[test]
fn signals_of_a_name_come_in_order_and_other_names_do_not_matter() {
    let script = script!(|ctx| {
        let mut got = Vec::new();
        for name in ["a", "b", "a"] {
            got.push(ctx.signal::<u64>(name).await?);
        }
        Ok(got)
    });
    let history = [signal("a", 1), signal("a", 2), signal("c", 9), signal("b", 3)];
    check(
        script,
        &history,
        expect![[r#"
            begin: waits
            signal a 1: waits
            signal a 2: waits
            signal c 9: waits
            signal b 3: gives [1,3,2]
        "#]],
    );
}

#[test]
fn who_was_called_first_is_served_first() {
    let script = script!(|ctx| {
        let (first, second) = (ctx.signal::<u64>("n"), ctx.signal::<u64>("n"));
        let (second, first) = join((second, first)).await;
        Ok((first?, second?))
    });
    check(
        script,
        &[signal("n", 1), signal("n", 2)],
        expect![[r#"
            begin: waits
            signal n 1: waits
            signal n 2: gives [1,2]
        "#]],
    );
}

#[test]
fn a_signal_that_was_given_and_dropped_goes_back_to_the_front() {
    let script = script!(|ctx| {
        let early = ctx.signal::<u64>("n");
        charge(ctx, 1).await?;
        drop(early); // it has 1 by now
        let (a, b) = (ctx.signal::<u64>("n").await?, ctx.signal::<u64>("n").await?);
        Ok((a, b))
    });
    check(
        script,
        &[signal("n", 1), signal("n", 2), completes(1, 10)],
        expect![[r#"
            begin: run charge(1) #1
            signal n 1: waits
            signal n 2: waits
            #1 completes with 10: gives [1,2]
        "#]],
    );
}

#[test]
fn a_signal_that_was_given_and_dropped_goes_to_who_waits() {
    let script = script!(|ctx| {
        let early = ctx.signal::<u64>("n");
        let waits = ctx.signal::<u64>("n");
        let drops = block(async {
            charge(ctx, 1).await?;
            drop(early); // after its neighbour was polled
            Ok(())
        });
        let (got, dropped): (_, Result<()>) = join((waits, drops)).await;
        dropped?;
        got
    });
    check(
        script,
        &[signal("n", 1), completes(2, 10)],
        expect![[r#"
            begin: run charge(1) #2
            signal n 1: waits
            #2 completes with 10: gives 1
        "#]],
    );
}

#[test]
fn a_signal_is_handed_on_within_join_all() {
    type Branch = Pin<Box<dyn Durable<Output = Result<u64>> + Send>>;
    let script = script!(|ctx| {
        let early = ctx.signal::<u64>("n");
        let waits: Branch = Box::pin(ctx.signal("n"));
        let charged = charge(ctx, 1);
        let drops: Branch = Box::pin(block(async move {
            let receipt = charged.await?;
            drop(early);
            Ok(receipt)
        }));
        join_all([waits, drops]).await.into_iter().collect::<Result<Vec<_>>>()
    });
    check(
        script,
        &[signal("n", 1), completes(2, 10)],
        expect![[r#"
            begin: run charge(1) #2
            signal n 1: waits
            #2 completes with 10: gives [1,10]
        "#]],
    );
}

#[test]
fn a_loser_that_had_its_signal_gives_it_back() {
    let script = script!(|ctx| {
        let early = ctx.signal::<u64>("n");
        charge(ctx, 1).await?;
        drop(select((ctx.side_effect(|| 0_u64), early)).await);
        ctx.signal::<u64>("n").await
    });
    check(
        script,
        &[signal("n", 1), completes(1, 10)],
        expect![[r#"
            begin: run charge(1) #1
            signal n 1: waits
            #1 completes with 10: record #2 = 0, gives 1
        "#]],
    );
}

#[test]
fn try_signal_takes_what_is_there() {
    let script = script!(|ctx| {
        let nothing = ctx.try_signal::<u64>("n")?;
        charge(ctx, 1).await?;
        let (first, second) = (ctx.try_signal::<u64>("n")?, ctx.try_signal::<u64>("n")?);
        Ok((nothing, first, second, ctx.try_signal::<u64>("n")?))
    });
    check(
        script,
        &[signal("n", 1), signal("n", 2), completes(0, 10)],
        expect![[r#"
            begin: run charge(1) #0
            signal n 1: waits
            signal n 2: waits
            #0 completes with 10: gives [null,1,2,null]
        "#]],
    );
}

#[test]
fn a_signal_of_another_type_is_an_error_of_the_await() {
    let script = script!(|ctx| {
        let wrong = ctx.signal::<u64>("n").await.map_err(|e| seen(&e));
        let right = ctx.signal::<u64>("n").await?;
        Ok((wrong, right))
    });
    check(
        script,
        &[signal("n", "text"), signal("n", 2)],
        expect![[r#"
            begin: waits
            signal n "text": waits
            signal n 2: gives [{"Err":"codec: signal `n` of run `w-1` (workflow `script`) was sent as the string `\"text\"`: cannot decode as `u64`: invalid type: string \"text\", expected u64 at line 1 column 6; send what the workflow receives: with one `#[signal]` type, both sides agree"},2]
        "#]],
    );
}
