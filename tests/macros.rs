//! smoke
use flows::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Receipt {
    id: u64,
}

/// Charges.
#[activity(
    retry(
        max_attempts = 5,
        initial_interval = "200ms",
        max_interval = "1m",
        backoff = 2.0,
        jitter = 0.1
    ),
    start_to_close = "30s"
)]
async fn charge_payment(ctx: &ActivityContext, customer: String, cents: u64) -> Result<Receipt> {
    let gateway = ctx.state::<u64>()?;
    if cents == 0 {
        return Err(Error::terminal("nothing to charge"));
    }
    Ok(Receipt { id: *gateway + customer.len() as u64 })
}

#[activity]
async fn ship(order: u64, #[serde(default)] gift: bool, r#type: String) -> Result<u64> {
    Ok(order + u64::from(gift) + r#type.len() as u64)
}

#[workflow(name = "order", version = 2, timeout = "2d")]
async fn order(ctx: &WorkflowContext, customer: String, cents: u64) -> Result<u64> {
    let receipt = charge_payment(ctx, customer.clone(), cents).await?;
    let ready: bool = ctx.signal("ready").await?;
    let (a, b) = flows::try_join!(ship(ctx, 1, ready, customer), async {
        ctx.sleep(std::time::Duration::from_secs(1)).await?;
        Ok::<_, Error>(1)
    })?;
    Ok(a + b + receipt.id)
}

#[test]
fn names() {
    assert_eq!(order::Workflow::NAME, "order");
    assert_eq!(order::Workflow::VERSION, 2);
    let input = order::Input { customer: "c".into(), cents: 4 };
    let order::Input { cents, .. } = input;
    assert_eq!(cents, 4);
    let registry = register_all!();
    registry.check().unwrap();
    assert_eq!(registry.workflows().count(), 1);
    assert_eq!(registry.activities().count(), 2);
    let registry = register_all![order, charge_payment];
    assert_eq!(registry.activities().count(), 1);
}
