//! Looks for PostgreSQL programs on this machine, newest version first.
//!
//! Must never download anything (that is `fetch`), and never pass over a place in silence: what
//! was found and refused is in the answer. Called by `start`.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::account::Account;
use super::binaries::Binaries;
use super::command::run;
use super::error::Attempt;
use super::surroundings::{Surroundings, Wanted};

/// What the machine has: usable programs, newest first, and refused ones.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    pub(crate) usable: Vec<Binaries>,
    pub(crate) refused: Vec<Attempt>,
}

/// Looks through all places, or through the one that `FLOWS_POSTGRES` names.
pub(crate) fn installed(from: &Surroundings, account: &Account) -> Installed {
    let mut found = Installed::default();
    for directory in places(from) {
        let way = format!("programs in {}", directory.display());
        match Binaries::inspect(&directory, directory.display().to_string(), account) {
            Ok(binaries) if from.wanted.allows(binaries.major()) => found.usable.push(binaries),
            Ok(other) => {
                let reason = format!("version {}, not the wanted one", other.version());
                found.refused.push(Attempt::new(way, reason));
            }
            Err(error) => found.refused.push(Attempt::new(way, error)),
        }
    }
    if found.usable.is_empty() && found.refused.is_empty() {
        found.refused.push(Attempt::new("programs on this machine", looked_in(from)));
    }
    found.usable.sort_by_key(|binaries| Reverse(binaries.major()));
    found
}

fn looked_in(from: &Surroundings) -> String {
    format!("none in {}, PATH or `pg_config --bindir`", from.install_patterns.join(", "))
}

/// Directories that hold a `postgres`, each once.
fn places(from: &Surroundings) -> Vec<PathBuf> {
    if let Wanted::Directory(directory) = &from.wanted {
        return vec![directory.clone()];
    }
    let patterns = from.install_patterns.iter().flat_map(|pattern| expand(pattern));
    let path = std::env::split_paths(&from.path);
    let places = distinct(patterns.chain(path));
    // Running a program takes longer than looking at folders.
    if places.is_empty() { distinct(pg_config(from)) } else { places }
}

/// The directories of these that hold a `postgres`, behind links, each once.
fn distinct(directories: impl IntoIterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = Vec::new();
    for real in directories.into_iter().filter_map(|directory| real_directory(&directory)) {
        if !places.contains(&real) {
            places.push(real);
        }
    }
    places
}

/// The directory behind a link such as `/usr/local/bin/postgres`: PostgreSQL finds its own files
/// from there.
fn real_directory(directory: &Path) -> Option<PathBuf> {
    let program = fs::canonicalize(directory.join("postgres")).ok()?;
    program.parent().map(Path::to_owned)
}

fn pg_config(from: &Surroundings) -> Option<PathBuf> {
    let mut command = Command::new("pg_config");
    let answer = run("pg_config", command.env("PATH", &from.path).arg("--bindir")).ok()?;
    Some(PathBuf::from(answer.trim()))
}

/// The directories that match a pattern with at most one `*`.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let (suffix, rest) = after.split_once('/').unwrap_or((after, ""));
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let matching = names.filter(|name| name.starts_with(prefix) && name.ends_with(suffix));
    let mut found: Vec<PathBuf> =
        matching.map(|name| Path::new(parent).join(name).join(rest)).collect();
    found.sort();
    found
}
