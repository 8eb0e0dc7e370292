//! An e-mail sent in the background, with a clone of what it needs.
use flows::prelude::*;

#[activity]
async fn send_email(to: String) -> Result<()> {
    drop(to);
    Ok(())
}

#[workflow]
async fn sign_up(ctx: &WorkflowContext, email: String) -> Result<()> {
    let context = ctx.clone();
    tokio::spawn(async move {
        if let Err(error) = send_email(&context, email).await {
            tracing::error!("{error}");
        }
    });
    Ok(())
}

fn main() {}
