//! A durable method of a trait, declared as it is written.
use flows::prelude::*;

trait Notify {
    #[flows::durable]
    async fn notify(&self, ctx: &WorkflowContext) -> Result<()>;
}

fn main() {}
