//! A request over HTTP, by a client that somebody made elsewhere.
use flows::prelude::*;

mod reqwest {
    #[derive(Default)]
    pub(crate) struct Client;

    impl Client {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn get(&self, _: &str) -> Self {
            Self
        }

        pub(crate) async fn send(self) -> flows::Result<u16> {
            Ok(200)
        }
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::new()
}

#[workflow]
async fn ping(ctx: &WorkflowContext) -> Result<u16> {
    let _ = ctx;
    Ok(client().get("https://example.com").send().await?)
}

fn main() {}
