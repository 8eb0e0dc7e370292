//! Plain types where an update, a signal or a workflow is meant.
use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<u64> {
    let request = ctx.update::<String>().await?;
    drop(request);
    Ok(1)
}

#[workflow]
async fn tries(ctx: &WorkflowContext) -> Result<u64> {
    let request = ctx.try_update::<Vec<u8>>()?;
    drop(request);
    Ok(2)
}

#[workflow]
async fn receives(ctx: &WorkflowContext) -> Result<u64> {
    let ready = ctx.receive::<u64>().await?;
    Ok(ready)
}

async fn signal(exec: &Execution<order::Workflow>) -> Result<()> {
    exec.send(1).await?;
    Ok(())
}

fn execution(tenant: &Tenant) {
    drop(tenant.execution::<u64>("order-1"));
}

fn main() {}
