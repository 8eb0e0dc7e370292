//! `join!`, `try_join!`, `join_all` and `try_join_all`.

use expect_test::expect;

use super::check;
use super::script::{charge, email, seen, ship};
use super::stage::{Fails, completes};
use crate::combinators::{join, join_all, try_join, try_join_all};
use crate::error::Result;

#[test]
fn join_waits_for_all_also_after_an_error() {
    let script = script!(|ctx| {
        let (a, b) = join((charge(ctx, 1), ship(ctx, 2))).await;
        Ok((a.map_err(|e| seen(&e)), b.map_err(|e| seen(&e))))
    });
    check(
        script,
        &[Fails(1, "no stock"), completes(0, 10)],
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1
            #1 fails: no stock: waits
            #0 completes with 10: gives [{"Ok":10},{"Err":"terminal: no stock"}]
        "#]],
    );
}

#[test]
fn try_join_cancels_the_others_at_the_first_error() {
    let script = script!(|ctx| {
        let joined = try_join((charge(ctx, 1), ship(ctx, 2), email(ctx, 3))).await;
        let why = joined.map_err(|e| seen(&e)).expect_err("an error");
        email(ctx, 4).await?;
        Ok(why)
    });
    let history = [completes(0, 10), Fails(1, "no stock"), completes(2, 30), completes(3, 40)];
    check(
        script,
        &history,
        expect![[r#"
            begin: run charge(1) #0, run ship(2) #1, run email(3) #2
            #0 completes with 10: waits
            #1 fails: no stock: cancel activity #2, run email(4) #3
            #2 completes with 30: not wanted
            #3 completes with 40: gives "terminal: no stock"
        "#]],
    );
}

#[test]
fn join_all_gives_results_in_the_order_of_the_calls() {
    let script = script!(|ctx| {
        let calls = [3, 1, 2].map(|input| charge(ctx, input));
        join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()
    });
    check(
        script,
        &[completes(1, 11), completes(2, 12), completes(0, 10)],
        expect![[r#"
            begin: run charge(3) #0, run charge(1) #1, run charge(2) #2
            #1 completes with 11: waits
            #2 completes with 12: waits
            #0 completes with 10: gives [10,11,12]
        "#]],
    );
}

#[test]
fn join_all_of_nothing_gives_nothing_at_once() {
    let script = script!(|ctx| {
        let none: Vec<Result<u64>> = join_all((0..0).map(|input| charge(ctx, input))).await;
        Ok(none.len())
    });
    check(
        script,
        &[],
        expect![[r#"
            begin: gives 0
        "#]],
    );
}

#[test]
fn try_join_all_cancels_the_others_at_the_first_error() {
    let script = script!(|ctx| {
        let failed =
            try_join_all((1..4).map(|input| charge(ctx, input))).await.map_err(|e| seen(&e));
        Ok(failed.expect_err("an error"))
    });
    check(
        script,
        &[completes(2, 12), Fails(0, "declined")],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1, run charge(3) #2
            #2 completes with 12: waits
            #0 fails: declined: cancel activity #1, gives "terminal: declined"
        "#]],
    );
}

#[test]
fn try_join_all_gives_all_values() {
    let script = script!(|ctx| { try_join_all((1..3).map(|input| charge(ctx, input))).await });
    check(
        script,
        &[completes(1, 11), completes(0, 10)],
        expect![[r#"
            begin: run charge(1) #0, run charge(2) #1
            #1 completes with 11: waits
            #0 completes with 10: gives [10,11]
        "#]],
    );
}
