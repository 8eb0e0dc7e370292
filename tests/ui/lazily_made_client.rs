//! A client that is made when it is first needed.
use std::sync::OnceLock;

use flows::prelude::*;

struct Client;

static CLIENT: OnceLock<Client> = OnceLock::new();

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<()> {
    let _client = CLIENT.get_or_init(|| Client);
    let _ = ctx;
    Ok(())
}

fn main() {}
