//! Names that were imported outside of the body, values whose type says what their methods do, statics.
#![allow(unused)]
use std::env::var;
use std::fs::{self, File, read_to_string};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::process::{Command as Shell, id};
use std::sync::mpsc::channel;
use std::sync::{LazyLock, OnceLock};
use std::thread::{self, sleep};
use std::time::{SystemTime as Clock, UNIX_EPOCH};

use flows::prelude::*;
use tokio::sync::watch;

struct Config {
    express: bool,
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| Config { express: var("EXPRESS").is_ok() });
static RATE: OnceLock<watch::Receiver<u64>> = OnceLock::new();

#[derive(serde::Serialize, serde::Deserialize)]
struct Parcel {
    placed_at: Clock,
    label: PathBuf,
}

#[workflow]
async fn order(cx: &WorkflowContext, parcel: Parcel) -> Result<u64> {
    let age = parcel.placed_at.elapsed().unwrap_or_default();
    let now = UNIX_EPOCH.elapsed().unwrap_or_default();
    let began = Clock::now();
    let region = var("REGION")?;
    let template = read_to_string("template.txt")?;
    let kept = ["a", "b"].map(fs::read_to_string);
    let log = File::create("log.txt")?;
    let printed = parcel.label.exists() || Path::new("printed").is_file();
    sleep(Duration::from_secs(1));
    let worker = (id(), thread::current().id());
    let output = Shell::new("print").arg(&region).output()?;
    let (sender, receiver) = channel::<u64>();
    let hosts = "shop.example.com:80".to_socket_addrs()?;
    if CONFIG.express {
        cx.sleep(Duration::from_secs(1)).await?;
    }
    Ok(*RATE.get().unwrap().borrow())
}

fn main() {}
