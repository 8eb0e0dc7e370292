//! Runs one program to its end and gives its output, or the reason why there is none.
//!
//! Must never wait for input: standard input is closed. Called by the files of `dev` that look
//! at the machine or prepare files; the server itself is run by `server`.

use std::io::{Error, ErrorKind};
use std::process::{Command, Output, Stdio};

use super::error::DevError;

/// Lines of a program's complaint that are worth repeating in an error.
const COMPLAINT_LINES: usize = 12;

/// Runs `command` and gives what it wrote to standard output.
///
/// # Errors
/// The program is missing or may not be run, or it ended with a failure (then with the last lines
/// it wrote).
pub(crate) fn run(doing: &str, command: &mut Command) -> Result<String, DevError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| DevError::new(doing, not_run(command, &error)))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(DevError::new(doing, complaint(&output)))
}

fn not_run(command: &Command, error: &Error) -> String {
    let program = command.get_program().to_string_lossy();
    match error.kind() {
        ErrorKind::NotFound => format!("there is no {program}, or it needs a file that is missing"),
        _ => format!("{program} cannot be run: {error}"),
    }
}

fn complaint(output: &Output) -> String {
    let said = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
    format!("{}\n{}", output.status, last_lines(&String::from_utf8_lossy(said)))
}

/// The last lines of a long text.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(COMPLAINT_LINES)..].join("\n")
}
