//! The test that a user writes: finds the file, compares, writes it anew or fails.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::report::{Level, LockReport};
use super::snapshot::Lock;
use crate::registry::Registry;

/// Fails when an edit would break open runs.
///
/// Compares everything that is annotated in the program with `flows.lock`, next to the `Cargo.toml`
/// of the package under test. Write one such test, where all definitions are linked:
///
/// ```text
/// #[test]
/// fn open_runs_survive() {
///     flows::testing::check_lock();
/// }
/// ```
///
/// It writes a missing file and updates one that is merely outdated, with the warnings on standard
/// error; commit it. If the variable `CI` is set, both are failures. `FLOWS_LOCK=update` writes the
/// file whatever has changed.
///
/// # Panics
///
/// When an edit would break open runs; the message says which, and what to do. When the file
/// cannot be read or written. When no definition is linked into the test.
#[track_caller]
pub fn check_lock() {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR");
    let folder = folder.expect(
        "`check_lock` looks beside Cargo.toml, and `CARGO_MANIFEST_DIR` is not set: run the test \
         through cargo, or name the file with `check_lock_at`",
    );
    check_lock_at(Path::new(&folder).join("flows.lock"));
}

/// Like [`check_lock`], with a file of your choice.
///
/// # Panics
///
/// As [`check_lock`] does.
#[track_caller]
pub fn check_lock_at(path: impl AsRef<Path>) {
    check_lock_of(&Registry::all(), path);
}

/// Like [`check_lock`], with the definitions in `registry` and a file of your choice.
///
/// # Panics
///
/// As [`check_lock`] does.
#[track_caller]
pub fn check_lock_of(registry: &Registry, path: impl AsRef<Path>) {
    let (path, mode) = (path.as_ref(), Mode::of_this_process());
    let old = match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    };
    let name = path.display().to_string();
    match decide(&name, old.as_deref(), &Lock::of(registry), mode) {
        Verdict::Pass => {}
        Verdict::Write { text, told } => {
            if let Err(error) = fs::write(path, text) {
                panic!("cannot write {name}: {error}");
            }
            // not through the macros: a test that passes shows nothing of theirs
            let _ = std::io::stderr().write_all(told.as_bytes());
        }
        Verdict::Fail(report) => panic!("{report}"),
    }
}

/// What to do with a file that says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Write it, unless an edit would break open runs.
    Check,
    /// Write it, whatever has changed.
    Update,
    /// Never write it.
    Ci,
}

impl Mode {
    fn of_this_process() -> Self {
        if std::env::var_os("FLOWS_LOCK").is_some_and(|value| value == "update") {
            Self::Update
        } else if std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
        {
            Self::Ci
        } else {
            Self::Check
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Write { text: String, told: String },
    Fail(String),
}

/// What to do, given what the file says, if there is one, and what the code says.
pub(super) fn decide(name: &str, old: Option<&str>, new: &Lock, mode: Mode) -> Verdict {
    if new.entries.is_empty() {
        return Verdict::Fail(
            "no definition is linked into this test: name the crate that has them, \
             `use my_app as _;`"
                .into(),
        );
    }
    let write = |told| Verdict::Write { text: new.to_text(), told };
    let Some(text) = old else {
        return match mode {
            Mode::Ci => Verdict::Fail(format!(
                "{name} is missing: run this test where `CI` is not set, and commit the file"
            )),
            _ => write(format!("{name} is new: commit it\n")),
        };
    };
    let old = match Lock::parse(text) {
        Ok(old) => old,
        Err(_) if mode == Mode::Update => return write(format!("{name} was written anew\n")),
        Err(why) => {
            return Verdict::Fail(format!(
                "cannot read {name}: {why}. Restore the file, or write it anew from the code as \
                 it is with `FLOWS_LOCK=update cargo test`"
            ));
        }
    };
    let report = old.compare(new);
    match mode {
        _ if !report.outdated && !report.breaks_open_runs() => Verdict::Pass,
        Mode::Update => write(format!("{name} was updated\n\n{report}")),
        _ if report.breaks_open_runs() => Verdict::Fail(refusal(name, &report)),
        Mode::Ci => Verdict::Fail(format!(
            "{name} is outdated: run this test where `CI` is not set, and commit the file\n\n{report}"
        )),
        Mode::Check => write(format!("{name} was updated: commit it\n\n{report}")),
    }
}

fn refusal(name: &str, report: &LockReport) -> String {
    let edits = match report.count(Level::Error) {
        1 => "1 edit".to_owned(),
        several => format!("{several} edits"),
    };
    format!(
        "{edits} would break open runs ({name})\n\n{report}\nIf no run is open that could break, \
         accept it: FLOWS_LOCK=update cargo test\n"
    )
}
