//! An entity: a subscription that lives for years, as runs that go on in each other's place.
//!
//! Run it with `cargo run --example entity`. It finds a database or starts one by itself.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

/// How many months a run pays for before a new run goes on in its place, with a short history.
const MONTHS: u32 = 3;

/// What a customer changes. The reply is what the subscription is then.
#[update(response = Terms)]
enum Change {
    Upgrade { plan: String, cents: u64 },
    Pause,
    Resume,
    End,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Terms {
    plan: String,
    cents: u64,
    paused: bool,
    /// Months that were paid, by all of its runs.
    months: u32,
}

#[activity]
async fn charge(customer: String, cents: u64, month: u32) -> Result<()> {
    println!("  month {month}: {customer} pays {cents} cents");
    Ok(())
}

impl Change {
    /// Whether it makes sense. Who is refused leaves no trace in the history.
    fn fits(&self, terms: &Terms) -> Result<()> {
        match self {
            Self::Upgrade { cents, .. } if *cents <= terms.cents => {
                Err(Error::terminal(format!("{cents} cents are no upgrade from {}", terms.cents)))
            }
            Self::Pause if terms.paused => Err(Error::terminal("it is paused")),
            Self::Resume if !terms.paused => Err(Error::terminal("it is not paused")),
            _ => Ok(()),
        }
    }

    fn apply(&self, terms: &mut Terms) {
        match self {
            Self::Upgrade { plan, cents } => (terms.plan, terms.cents) = (plan.clone(), *cents),
            Self::Pause => terms.paused = true,
            Self::Resume => terms.paused = false,
            Self::End => {}
        }
    }
}

/// Charges every month, and changes when the customer says so.
#[workflow]
async fn subscription(
    ctx: &WorkflowContext,
    customer: String,
    mut terms: Terms,
    month: Duration,
) -> Result<Terms> {
    let last = terms.months + MONTHS;
    let mut due = ctx.now() + month;
    while terms.months < last {
        ctx.set_query("terms", &terms)?;
        flows::select! {
            change = ctx.update::<Change>().validate(|change| change.fits(&terms)) => {
                let change = change?;
                change.apply(&mut terms);
                let is_end = matches!(*change, Change::End);
                change.reply(terms.clone());
                if is_end {
                    return Ok(terms);
                }
            }
            slept = ctx.sleep_until(due) => {
                slept?;
                due += month;
                if !terms.paused {
                    terms.months += 1;
                    charge(ctx, customer.clone(), terms.cents, terms.months).await?;
                }
            }
        }
    }
    ctx.continue_as_new(subscription::Input { customer, terms, month })
}

fn input(month: Duration) -> subscription::Input {
    let terms = Terms { plan: "basic".into(), cents: 500, paused: false, months: 0 };
    subscription::Input { customer: "Ada".into(), terms, month }
}

/// Whoever comes first starts the subscription.
async fn changes(engine: &Engine, change: Change) -> Result<()> {
    let month = Duration::from_millis(100);
    match engine.start_with_update(input(month), change).id("subscription-ada").await {
        Ok(terms) => println!("  Ada gets the reply: {terms:?}"),
        Err(error) => println!("  Ada gets the error: {error}"),
    }
    Ok(())
}

async fn until_month(engine: &Engine, month: u32) -> Result<()> {
    let months = async || {
        let terms = engine
            .execution::<subscription::Workflow>("subscription-ada")
            .query::<Terms>("terms")
            .await;
        Ok::<_, Error>(terms?.map_or(0, |terms| terms.months))
    };
    while months().await? < month {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    println!("database: {}", database.describe());
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, flows::register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(stopped).await });

    println!("the first change starts the subscription");
    changes(&engine, Change::Upgrade { plan: "family".into(), cents: 900 }).await?;
    until_month(&engine, 4).await?;
    println!("a new run has gone on in its place; the customer does not notice");
    changes(&engine, Change::Upgrade { plan: "basic".into(), cents: 500 }).await?;
    changes(&engine, Change::Pause).await?;
    changes(&engine, Change::Pause).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    changes(&engine, Change::Resume).await?;
    until_month(&engine, 6).await?;
    changes(&engine, Change::End).await?;
    changes(&engine, Change::Resume).await?;

    let exec = engine.execution::<subscription::Workflow>("subscription-ada");
    println!("it has ended: {:?}", exec.result().await?);
    let runs = engine.list().workflow("subscription").await?;
    println!("{} runs, each with a short history", runs.len());

    drop(stop);
    working.await?
}

/// Run them with `cargo test --example entity`.
#[cfg(test)]
mod tests {
    use flows::testing::{TestEnv, crash_everywhere};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    #[flows::test]
    async fn a_year_of_a_subscription(env: TestEnv) {
        let exec = env.start(input(MONTH)).id("ada").await?;
        let ada = || env.execution::<subscription::Workflow>("ada");
        env.sleep(MONTH * 5 + DAY).await;
        let terms = ada().update(Change::Pause).await?;
        assert_eq!((terms.months, terms.paused), (5, true));
        let again = ada().update(Change::Pause).await.expect_err("it is paused");
        assert_eq!((again.kind(), again.message()), (ErrorKind::Rejected, "it is paused"));
        env.sleep(MONTH * 2).await;
        assert_eq!(ada().update(Change::Resume).await?.months, 5);
        env.sleep(MONTH * 5).await;
        assert_eq!(ada().update(Change::End).await?.months, 10);
        assert_eq!(exec.result().await?.months, 10);
        env.assert_called(charge::Activity, 10);
    }

    /// A change that comes while a run ends is the next one's.
    #[flows::test]
    async fn changes_survive_wherever_a_worker_dies() {
        let terms = crash_everywhere(input(MONTH))
            .update_after(MONTH + DAY, Change::Upgrade { plan: "family".into(), cents: 900 })
            .update_after(MONTH + DAY, Change::Resume)
            .update_after(MONTH * 2 + DAY, Change::Pause)
            .update_after(MONTH * 5 + DAY, Change::Resume)
            .update_after(MONTH * 6 + DAY, Change::End)
            .await?;
        assert_eq!((terms.plan.as_str(), terms.cents, terms.paused), ("family", 900, false));
    }
}
