//! Edits of the order that somebody wants to deploy: each a build of its own.

pub(crate) mod steps;

use flows::prelude::*;

use self::steps::*;

/// A build whose order has this body, behind the receipt of the payment.
macro_rules! build {
    ($(#[$doc:meta])* $name:ident, $version:tt, |$ctx:ident, $customer:ident, $items:ident, $cents:ident| $body:tt) => {
        $(#[$doc])*
        pub(crate) fn $name() -> Registry {
            #[workflow(name = "order", version = $version)]
            async fn order(
                $ctx: &WorkflowContext,
                $customer: String,
                $items: Vec<Item>,
                $cents: u64,
            ) -> Result<String> $body

            steps().with::<order::Workflow>()
        }
    };
}

build! {
    /// Reserves before it charges.
    reserves_first, 1, |ctx, customer, items, cents| {
        reserve(ctx, items.len() as u64).await?;
        let receipt = charge_payment(ctx, customer, cents).await?;
        Ok(receipt.id)
    }
}

build! {
    /// Asks the machine for something in front of what has been recorded.
    asks_for_a_value, 1, |ctx, customer, items, cents| {
        let pieces = ctx.side_effect(|| items.len()).await?;
        let receipt = charge_payment(ctx, customer, cents).await?;
        ctx.receive::<WarehouseReady>().await?;
        Ok(format!("{}: {pieces}", receipt.id))
    }
}

build! {
    /// Writes the e-mail before it ships.
    ships_last, 1, |ctx, customer, items, cents| {
        let id = ctx.uuid();
        charge_payment(ctx, customer.clone(), cents).await?;
        ctx.receive::<WarehouseReady>().await?;
        email(ctx, customer, "your order is on its way".into()).await?;
        Ok(ship(ctx, id, items).await?.tracking)
    }
}

build! {
    /// Charges for the shipment, too.
    charges_more, 1, |ctx, customer, items, cents| {
        let receipt = charge_payment(ctx, customer, cents + items.len() as u64).await?;
        ctx.receive::<WarehouseReady>().await?;
        Ok(receipt.id)
    }
}

build! {
    /// Does nothing any more.
    ends_at_once, 1, |ctx, customer, items, cents| {
        let _ = (ctx, items, cents);
        Ok(customer)
    }
}

build! {
    /// Does not fail when the warehouse has nothing.
    forgives, 1, |ctx, customer, items, cents| {
        let receipt = charge_payment(ctx, customer, cents).await?;
        if !ctx.receive::<WarehouseReady>().await?.available {
            refund(ctx, receipt.id).await?;
        }
        Ok(format!("{} items", items.len()))
    }
}

build! {
    /// One more step, behind everything that was.
    thanks_at_the_end, 1, |ctx, customer, items, cents| {
        let id = ctx.uuid();
        charge_payment(ctx, customer.clone(), cents).await?;
        ctx.receive::<WarehouseReady>().await?;
        let thanks = "your order is on its way".to_owned();
        let (shipment, ()) =
            flows::try_join!(ship(ctx, id, items), email(ctx, customer.clone(), thanks))?;
        email(ctx, customer, "how do you like it?".into()).await?;
        Ok(shipment.tracking)
    }
}

build! {
    /// The same, under a new version, without the old one.
    next_version, 2, |ctx, customer, items, cents| {
        let receipt = charge_payment(ctx, customer, cents + items.len() as u64).await?;
        Ok(receipt.id)
    }
}

/// A parameter more, without a default.
pub(crate) fn needs_a_currency() -> Registry {
    #[workflow(name = "order", version = 1)]
    async fn order(
        ctx: &WorkflowContext,
        customer: String,
        cents: u64,
        currency: String,
    ) -> Result<String> {
        Ok(charge_payment(ctx, customer + &currency, cents).await?.id)
    }
    steps().with::<order::Workflow>()
}
