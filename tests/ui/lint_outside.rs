//! The environment, files, the network, databases, processes and people.
#![allow(unused)]
use std::env;
use std::fs;

use flows::prelude::*;

#[workflow]
async fn order(ctx: &WorkflowContext) -> Result<String> {
    let region = env::var("REGION")?;
    let template = fs::read_to_string("template.txt")?;
    let rates = reqwest::get("https://rates.example.com").await?;
    let rows = sqlx::query("SELECT 1");
    let user = sqlx::query_as!("SELECT name FROM users");
    let worker = std::process::id();
    let answer = std::io::stdin().lines().next();
    Ok(region)
}

mod reqwest {
    pub(crate) async fn get(_: &str) -> flows::Result<String> {
        Ok(String::new())
    }
}

mod sqlx {
    pub(crate) fn query(_: &str) {}

    macro_rules! query_as {
        ($text:literal) => {
            $text
        };
    }
    pub(crate) use query_as;
}

fn main() {}
