//! The build in production: the order of `tests/histories`, as far as its journal can tell.

use flows::prelude::*;
use serde::{Deserialize, Serialize};

use crate::edits::steps::*;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shipped {
    pub(crate) id: uuid::Uuid,
    pub(crate) tracking: String,
}

#[workflow(name = "order", version = 1)]
pub(crate) async fn order(
    ctx: &WorkflowContext,
    customer: String,
    items: Vec<Item>,
    cents: u64,
) -> Result<Shipped> {
    let id = ctx.uuid();
    let receipt = charge_payment(ctx, customer.clone(), cents).await?;
    let warehouse = ctx.receive::<WarehouseReady>().await?;
    if !warehouse.available {
        refund(ctx, receipt.id).await?;
        return Err(Error::terminal("out of stock"));
    }
    let thanks = "your order is on its way".to_owned();
    let (shipment, ()) = flows::try_join!(ship(ctx, id, items), email(ctx, customer, thanks))?;
    Ok(Shipped { id, tracking: shipment.tracking })
}

pub(crate) fn registry() -> Registry {
    steps().with::<order::Workflow>()
}
