//! A repository, called where the decisions are made.
use flows::prelude::*;

trait Orders {
    fn find(&self, id: u64) -> impl Future<Output = Result<String>> + Send;
}

struct PgOrders;

impl Orders for PgOrders {
    async fn find(&self, id: u64) -> Result<String> {
        Ok(id.to_string())
    }
}

#[workflow]
async fn order(ctx: &WorkflowContext, id: u64) -> Result<String> {
    let order = PgOrders.find(id).await?;
    let _ = ctx;
    Ok(order)
}

fn main() {}
