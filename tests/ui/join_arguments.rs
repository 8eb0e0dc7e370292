//! `join!` with no futures, too many, and something that is not one.
use flows::prelude::*;

#[flows::durable]
async fn empty(ctx: &WorkflowContext) {
    let () = flows::join!();
}

#[flows::durable]
async fn number(ctx: &WorkflowContext) {
    let _ = flows::try_join!(1);
}

#[flows::durable]
async fn too_many(ctx: &WorkflowContext) {
    flows::join!(
        ctx.cancelled(), ctx.cancelled(), ctx.cancelled(), ctx.cancelled(), ctx.cancelled(),
        ctx.cancelled(), ctx.cancelled(), ctx.cancelled(), ctx.cancelled(), ctx.cancelled(),
        ctx.cancelled(), ctx.cancelled(), ctx.cancelled(),
    );
}

fn main() {}
