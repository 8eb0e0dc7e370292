//! Every attribute of the library once, as an application has them.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

/// A dependency that activities share.
#[derive(Debug, Clone, Copy)]
pub struct Gateway;

/// Why a payment fails.
#[derive(Debug, thiserror::Error, Serialize, Deserialize, ErrorClass)]
pub enum GatewayError {
    /// The card is no good.
    #[error("declined with code {code}")]
    #[error_class(terminal)]
    Declined {
        /// The bank's.
        code: u32,
    },
    /// Nobody answers.
    #[error("no answer")]
    NoAnswer,
}

/// A payment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// How much.
    pub cents: u64,
}

/// Charges a customer.
///
/// # Errors
/// When the bank says so.
#[activity(
    retry(max_attempts = 3, non_retryable(GatewayError::Declined, std::num::ParseIntError)),
    start_to_close = "30s",
    schedule_to_start = "1m",
    schedule_to_close = "5m",
    heartbeat = "10s",
    queue = "payments"
)]
pub async fn charge(
    ctx: &ActivityContext,
    customer: String,
    #[serde(default)] cents: u64,
) -> Result<Receipt, GatewayError> {
    if customer.is_empty() || ctx.state::<Gateway>().is_err() {
        return Err(GatewayError::Declined { code: 14 });
    }
    if ctx.heartbeat(&cents).is_err() {
        return Err(GatewayError::NoAnswer);
    }
    Ok(Receipt { cents })
}

/// Without a context, and with more parameters than clippy likes.
#[expect(clippy::too_many_arguments, reason = "a form has many fields")]
#[activity]
async fn ship(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> anyhow::Result<u8> {
    anyhow::ensure!(a < 200, "too heavy");
    Ok(a | b | c | d | e | f | g | h)
}

/// Nobody calls it.
#[activity(codec = "postcard")]
async fn unused() -> Result<()> {
    Ok(())
}

/// In a transaction.
#[activity(transaction)]
pub(crate) async fn debit(tx: &flows::pg::Transaction<'_>, cents: i64) -> Result<i64> {
    let row = tx.query_one("SELECT $1::bigint", &[&cents]).await?;
    Ok(row.get(0))
}

/// What the warehouse says.
#[signal]
#[derive(Debug)]
pub struct Ready {
    /// Whether there is one.
    pub available: bool,
}

/// A helper.
///
/// # Errors
/// When the run is cancelled.
#[durable]
pub async fn nap(ctx: &WorkflowContext, hours: u64) -> Result<()> {
    let longest = HOUR * LONGEST.hours();
    ctx.sleep(longest.min(HOUR * u32::try_from(hours)?)).await
}

/// The unit of [`nap`].
const HOUR: Duration = Duration::from_secs(3_600);

/// A constant of a type of the program's.
const LONGEST: Longest = Longest(24);

/// A bound.
#[derive(Debug, Clone, Copy)]
struct Longest(u32);

impl Longest {
    /// How many hours.
    const fn hours(self) -> u32 {
        self.0
    }
}

/// What a helper gives at once looks as if it had to be awaited.
fn number(ctx: &WorkflowContext, text: &str) -> Result<u64> {
    Ok(text.parse::<u64>()? + u64::from(ctx.attempt()))
}

/// An order.
///
/// # Errors
/// When it cannot be done.
#[workflow(version = 2, retry(max_attempts = 2), timeout = "30d", queue = "orders")]
pub async fn order(ctx: &WorkflowContext, customer: String, cents: u64) -> anyhow::Result<u64> {
    let receipt = charge(ctx, customer, cents).await.context("cannot charge")?;
    nap(ctx, 1).await?;
    let ready = flows::select! {
        ready = ctx.receive::<Ready>() => ready?.available,
        slept = ctx.sleep(Duration::from_secs(60)) => {
            slept?;
            false
        }
    };
    let Ok(fee) = number(ctx, "1") else { return Ok(0) };
    let discount: u64 = number(ctx, "2").unwrap_or(fee);
    if !ready {
        return number(ctx, "3").map(|three| three.min(discount)).map_err(Into::into);
    }
    let (weight, debited) = flows::try_join!(ship(ctx, 1, 2, 3, 4, 5, 6, 7, 8), debit(ctx, 100))?;
    let debited = u64::try_from(debited)?;
    Ok(receipt.cents + u64::from(weight) + debited)
}

/// A workflow that nobody starts, in a place of its own.
mod inner {
    use super::{Result, WorkflowContext, order, workflow};

    #[workflow]
    pub(super) async fn again(ctx: &WorkflowContext, customer: String) -> Result<u64> {
        order(ctx, customer, 1).await
    }

    #[workflow(name = "private")]
    async fn private(ctx: &WorkflowContext) -> Result<u64> {
        again(ctx, String::new()).await
    }
}

/// All of them.
#[must_use]
pub fn registry() -> Registry {
    register_all!()
}

#[cfg(test)]
mod tests {
    use flows::testing::TestEnv;

    use super::{Ready, Receipt, charge, debit, inner, order, registry, unused};

    #[test]
    fn all_are_registered() {
        registry().check().expect("no duplicates");
        assert_eq!((registry().workflows().count(), registry().activities().count()), (3, 4));
        assert_eq!((inner::again::Workflow::NAME, unused::Activity::NAME), ("again", "unused"));
    }

    #[flows::test]
    async fn an_order_is_done(env: TestEnv) {
        env.mock(charge::Activity, |input| Ok(Receipt { cents: input.cents }));
        env.mock(debit::Activity, |input| Ok(input.cents));
        let exec = env.start(order::Input { customer: "A".into(), cents: 7 }).await?;
        exec.send(Ready { available: true }).await?;
        assert_eq!(exec.result().await?, 7 + 15 + 100);
    }
}
