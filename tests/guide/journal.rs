//! Runs that are stuck or not served, and an exported history.

use flows::prelude::*;
use flows::testing::replay_with;

use crate::in_the_kit;
use crate::printed::assert_shown;

/// As on the page, with a wait that no type has checked. It needs no runtime: the kit keeps that from workflows.
mod foreign {
    use flows::prelude::*;

    macro_rules! pause {
        () => {
            tokio::sync::Notify::new().notified().await
        };
    }

    #[activity]
    pub(crate) async fn charge(cents: u64) -> Result<u64> {
        Ok(cents)
    }

    #[workflow]
    pub(crate) async fn order(ctx: &WorkflowContext, cents: u64) -> Result<()> {
        charge(ctx, cents).await?;
        pause!();
        ctx.signal::<()>("packed").await
    }
}

#[test]
fn a_wait_on_something_else() -> Result<()> {
    in_the_kit(flows::register_all![foreign::order, foreign::charge], async |env| {
        let exec = env.start(foreign::order::Input { cents: 1 }).await?;
        exec.result().await.expect_err("it is stuck");
        assert_shown("determinism.md", &exec.describe().await?.stuck.unwrap_or_default());
        Ok(())
    })
}

/// The build that wrote the journal.
mod written {
    use flows::prelude::*;

    #[activity]
    pub(crate) async fn charge(cents: u64) -> Result<u64> {
        Ok(cents)
    }

    #[workflow]
    pub(crate) async fn order(ctx: &WorkflowContext, cents: u64) -> Result<()> {
        charge(ctx, cents).await?;
        ctx.signal("packed").await
    }
}

/// The same with `reserve` in front.
mod edited {
    use flows::prelude::*;

    #[activity]
    pub(crate) async fn reserve(cents: u64) -> Result<u64> {
        Ok(cents)
    }

    #[workflow]
    pub(crate) async fn order(ctx: &WorkflowContext, cents: u64) -> Result<()> {
        reserve(ctx, cents).await?;
        super::written::charge(ctx, cents).await?;
        ctx.signal("packed").await
    }
}

#[test]
fn the_journal_and_the_code_disagree() -> Result<()> {
    in_the_kit(flows::register_all![written::order, written::charge], async |env| {
        let exec = env.start(written::order::Input { cents: 1 }).await?;
        env.settle().await?;
        let edited = flows::register_all![edited::order, edited::reserve, written::charge];
        let error =
            replay_with(&edited, &exec.export().await?).expect_err("it was edited").to_string();
        let (_, difference) = error.split_once(":\n").expect("where, then what");
        assert_shown("determinism.md", difference);
        assert_shown("workers.md", difference);
        Ok(())
    })
}

#[workflow(version = 2)]
async fn billing(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    let _ = ctx;
    Ok(cents)
}

#[test]
fn a_version_that_nobody_serves() -> Result<()> {
    in_the_kit(flows::register_all![written::charge, written::order], async |env| {
        let exec = env.start(billing::Input { cents: 1 }).await?;
        let waits_for = exec.describe().await?.waiting_for.unwrap_or_default();
        assert_shown("determinism.md", &waits_for);
        assert_shown("workers.md", &waits_for);
        Ok(())
    })
}

/// The beginning of the README's order.
mod exported {
    use flows::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Receipt {
        pub(crate) id: String,
    }

    #[activity]
    pub(crate) async fn charge_payment(customer: String) -> Result<Receipt> {
        Err(Error::terminal(format!("{customer} is charged by a mock")))
    }

    #[workflow]
    pub(crate) async fn order(ctx: &WorkflowContext, customer: String) -> Result<bool> {
        charge_payment(ctx, customer).await?;
        ctx.signal("warehouse-ready").await
    }
}

#[test]
fn an_exported_history() -> Result<()> {
    in_the_kit(flows::register_all![exported::order, exported::charge_payment], async |env| {
        env.mock(exported::charge_payment::Activity, |_| {
            Ok(exported::Receipt { id: "receipt-1".into() })
        });
        let exec =
            env.start(exported::order::Input { customer: "Ada".into() }).id("order-42").await?;
        env.settle().await?;
        assert_shown("starting.md", &exec.export().await?.to_json()?);
        Ok(())
    })
}
