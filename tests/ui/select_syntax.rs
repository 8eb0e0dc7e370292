//! `select!` that is written as elsewhere, or not at all.
use flows::prelude::*;

#[flows::durable]
async fn empty(ctx: &WorkflowContext) {
    flows::select! {}
}

#[flows::durable]
async fn biased(ctx: &WorkflowContext) {
    flows::select! {
        biased;
        _ = ctx.cancelled() => {}
    }
}

#[flows::durable]
async fn otherwise(ctx: &WorkflowContext) {
    flows::select! {
        _ = ctx.cancelled() => {}
        else => {}
    }
}

#[flows::durable]
async fn condition(ctx: &WorkflowContext) {
    flows::select! {
        _ = ctx.cancelled(), if true => {}
    }
}

#[flows::durable]
async fn no_arrow(ctx: &WorkflowContext) {
    flows::select! {
        _ = ctx.cancelled(),
    }
}

#[flows::durable]
async fn no_pattern(ctx: &WorkflowContext) {
    flows::select! {
        ctx.cancelled() => {}
    }
}

#[flows::durable]
async fn refutable(ctx: &WorkflowContext) {
    flows::select! {
        Ok(()) = ctx.sleep(std::time::Duration::ZERO) => {}
    }
}

#[flows::durable]
async fn too_many(ctx: &WorkflowContext) {
    flows::select! {
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        _ = ctx.cancelled() => {}
        thirteenth = ctx.cancelled() => {}
    }
}

fn main() {}
