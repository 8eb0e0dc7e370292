//! Journals that are damaged: an error or a stuck run, never a panic.

use proptest::prelude::*;
use serde_json::json;

use super::script::{charge, email, ship};
use super::stage::{Cancel, Fires, Stage, Stumbles, completes, signal};
use crate::combinators::join;
use crate::definition::WorkflowDef;
use crate::journal::{self, Recorded};

/// Uses every kind of operation.
fn busy() -> WorkflowDef {
    script!(|ctx| {
        let seed = ctx.side_effect(|| 4_u64).await?;
        let (a, b) = join((charge(ctx, seed), ship(ctx, 2))).await;
        ctx.sleep(std::time::Duration::from_secs(1)).await?;
        let go: u64 = ctx.signal("go").await?;
        drop(email(ctx, a? + b? + go).await);
        ctx.shield(ctx.signal::<u64>("undo")).await
    })
}

/// The journal of a run of it, a row for each event.
fn rows() -> Vec<Vec<u8>> {
    let (mut stage, _) = Stage::begin(busy(), &json!({}));
    let history = [
        Stumbles(2, "busy"),
        completes(2, 20),
        completes(1, 10),
        Fires(3),
        signal("go", 5),
        Cancel("enough"),
        signal("undo", 6),
    ];
    for happens in &history {
        stage.happen(happens).expect("not stuck").expect("wanted");
    }
    stage
        .journal
        .iter()
        .map(|event| journal::encode(std::slice::from_ref(event)).unwrap())
        .collect()
}

/// Reads and replays; what is wanted is only that this comes back.
fn survives(rows: &[Vec<u8>]) -> Result<(), String> {
    let mut events: Vec<Recorded> = Vec::new();
    for (position, row) in rows.iter().enumerate() {
        events.extend(journal::decode(position, row).map_err(|e| e.to_string())?);
    }
    let events: Vec<_> = events.into_iter().map(|recorded| recorded.event).collect();
    super::stage::replay_events(&busy(), &events).map(drop).map_err(|stuck| stuck.to_string())
}

#[test]
fn the_journal_itself_is_whole() {
    assert_eq!(rows().len(), 8);
    assert_eq!(survives(&rows()), Ok(()));
}

#[test]
fn a_row_of_no_bytes_and_a_row_of_the_future_are_refused_by_name() {
    let refused = |row: &[u8]| journal::decode(3, row).expect_err("refused").to_string();
    expect_test::expect!["journal row 3 cannot be read: it is empty"].assert_eq(&refused(&[]));
    expect_test::expect!["journal row 3 cannot be read: it has format 9 and this build knows up to 1; deploy a build at least as new as the one that wrote it"].assert_eq(&refused(&[9, 1, 2]));
    expect_test::expect!["journal row 3 cannot be read: Hit the end of buffer, expected more data"]
        .assert_eq(&refused(&[1, 200]));
}

#[test]
fn every_row_can_be_missing_or_doubled() {
    let whole = rows();
    for at in 0..whole.len() {
        let mut missing = whole.clone();
        missing.remove(at);
        drop(survives(&missing));
        let mut doubled = whole.clone();
        doubled.insert(at, whole[at].clone());
        drop(survives(&doubled));
    }
}

#[test]
fn every_row_can_be_cut_anywhere() {
    for (at, row) in rows().into_iter().enumerate() {
        for length in 0..row.len() {
            let mut cut = rows();
            cut[at].truncate(length);
            let refused = survives(&cut).expect_err("a row that lacks bytes is refused");
            assert!(refused.contains(&format!("journal row {at} cannot be read")), "{refused}");
        }
    }
}

proptest! {
    #[test]
    fn any_byte_can_be_wrong(at in 0..8_usize, byte in any::<proptest::sample::Index>(), to: u8) {
        let mut rows = rows();
        let byte = byte.index(rows[at].len());
        rows[at][byte] = to;
        drop(survives(&rows));
    }

    #[test]
    fn any_bytes_can_be_a_row(row in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut row = row;
        drop(survives(&[row.clone()]));
        if let Some(version) = row.first_mut() {
            *version = 1;
        }
        drop(survives(&[row]));
    }

    #[test]
    fn rows_can_come_in_any_order(order in Just((0..8).collect::<Vec<usize>>()).prop_shuffle()) {
        let whole = rows();
        let shuffled: Vec<_> = order.into_iter().map(|at| whole[at].clone()).collect();
        drop(survives(&shuffled));
    }
}
