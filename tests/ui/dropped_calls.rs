//! Calls that a statement makes and drops.
#![allow(unused)]
use flows::prelude::*;

#[activity]
async fn email(to: String) -> Result<()> {
    drop(to);
    Ok(())
}

#[flows::durable]
async fn remind(ctx: &WorkflowContext) -> Result<()> {
    email(ctx, "a@example.com".into()).await
}

#[workflow]
async fn welcome(ctx: &WorkflowContext) -> Result<u64> {
    let _ = email(ctx, "a@example.com".into()).start();
    let _ = remind(ctx);
    let _later = email(ctx, "b@example.com".into());
    let _ = ctx.sleep(Duration::from_secs(1));
    drop(email(ctx, "c@example.com".into()));
    let forgotten = email(ctx, "d@example.com".into());
    let _ = email(ctx, "d@example.com".into()).await; // whether it fails is nobody's business
    let _used = email(ctx, "e@example.com".into());
    _used.await?;
    let _name = String::from("not a call");
    drop(std::mem::take(&mut String::new()));
    Ok(1)
}

fn main() {}
