//! A definition that is not async.
use flows::prelude::*;

#[activity]
fn charge(customer: String) -> Result<u64> {
    Ok(customer.len() as u64)
}

#[workflow]
fn order(ctx: &WorkflowContext, customer: String) -> Result<u64> {
    charge(ctx, customer).await
}

#[flows::durable]
fn helper(ctx: &WorkflowContext) -> Result<u64> {
    charge(ctx, String::new()).await
}

#[workflow]
async fn uses_them(ctx: &WorkflowContext) -> Result<u64> {
    Ok(charge(ctx, String::new()).await? + order(ctx, String::new()).await? + helper(ctx).await?)
}

fn main() {
    let _ = order::Input { customer: String::new() };
    let _ = flows::register_all![order, charge, uses_them];
}
