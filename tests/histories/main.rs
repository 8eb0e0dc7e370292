//! Histories that were recorded once are replayed for ever.
//!
//! Each `.json` file beside this one was exported from a run of a workflow in `workflows.rs` and is
//! never written again: a build that cannot replay it would get a user's runs stuck. To record new
//! ones, add a scenario to `recording.rs` and run
//!
//! ```console
//! cargo test --test histories -- --ignored
//! ```
//!
//! which writes the files that are missing.

mod recording;
mod workflows;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use flows::testing::replay;
use flows::{History, Result};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

/// Every recorded history: its name and its text.
fn recorded() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder()).expect("the folder").flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".json")?.to_owned();
            Some((name, fs::read_to_string(entry.path()).expect("a text")))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn every_recorded_history_replays() {
    let failed: Vec<_> = recorded()
        .iter()
        .filter_map(|(name, json)| Some(format!("{name}: {}", replay(json.as_str()).err()?)))
        .collect();
    assert!(failed.is_empty(), "\n{}\n", failed.join("\n"));
}

#[test]
fn every_scenario_is_recorded() {
    let recorded: BTreeSet<_> = recorded().into_iter().map(|(name, _)| name).collect();
    let scenarios: BTreeSet<_> = recording::names().map(str::to_owned).collect();
    assert_eq!(recorded, scenarios, "run `cargo test --test histories -- --ignored`");
}

#[test]
fn a_recorded_history_is_written_as_it_was_read() -> Result<()> {
    for (name, json) in recorded() {
        assert_eq!(History::from_json(&json)?.to_json()?, json, "{name}");
    }
    Ok(())
}

#[test]
#[ignore = "writes the histories that are missing"]
fn record_what_is_missing() -> Result<()> {
    for name in recording::names() {
        let path = folder().join(format!("{name}.json"));
        if !path.exists() {
            fs::write(path, recording::record(name)?.to_json()?)?;
        }
    }
    Ok(())
}
