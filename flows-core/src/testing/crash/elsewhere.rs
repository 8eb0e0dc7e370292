//! The replay in another process: what one process cannot show.
//!
//! A value that is made once in a process, a static that is read from the environment, a clock that is
//! only looked at to the second: two runs of one process, a millisecond apart, find the same. So the
//! program of the test is started again, for this test alone, with another working directory and without
//! the environment variables of the application, and when the second has changed it replays the history of
//! the undisturbed run. There the test runs up to the same `crash_everywhere`, which replays instead.
//!
//! Nothing moves the wall clock any further: no platform lets a test do that without help.

use std::cell::Cell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{env, fs, thread};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::run::CrashRun;
use super::verdict::in_words;
use crate::clock;
use crate::engine::History;
use crate::registry::Registry;
use crate::testing::replay::{self, WhenEnded};

/// Names the file with the task; set in the other process only.
const TASK: &str = "FLOWS_REPLAY_ELSEWHERE";
/// How long the other process may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Variables that tools and servers need, by how their names begin. The others are the application's.
const KEPT: &[&str] = &[
    "APPDATA",
    "CARGO",
    "CI",
    "COMSPEC",
    "DATABASE_URL",
    "DYLD_",
    "FLOWS_",
    "HOME",
    "LD_",
    "LLVM_",
    "LOCALAPPDATA",
    "NEXTEST",
    "PATH",
    "PG",
    "RUST",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "WINDIR",
    "XDG_",
];

thread_local! {
    /// How often the test of this thread has come to a `crash_everywhere`.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// What the other process is to do.
#[derive(Serialize, Deserialize)]
pub(super) struct Task {
    /// At which `crash_everywhere` of the test.
    number: u32,
    history: String,
    /// What the run gave, unless that was an error.
    output: Option<Box<RawValue>>,
    /// In seconds.
    began: u64,
}

/// What it has found.
pub(super) enum Found {
    Same,
    Different(String),
    /// It could not be started, or has not come so far.
    Nothing(String),
}

/// The number of this `crash_everywhere` in its test.
pub(super) fn next_number() -> u32 {
    COUNT.with(|count| count.replace(count.get() + 1))
}

// ---- in the process of the test ----------------------------------------------------------------

/// Replays a run in another process.
pub(super) fn replay(number: u32, undisturbed: &CrashRun) -> Found {
    let found = match name_of_test() {
        Ok(test) => run(&test, number, undisturbed),
        Err(why) => Err(why),
    };
    found.unwrap_or_else(Found::Nothing)
}

/// The harness names each test's thread after it.
fn name_of_test() -> Result<String, String> {
    let thread = thread::current();
    let name = thread.name().filter(|name| *name != "main" && !name.starts_with("tokio-"));
    name.map(str::to_owned).ok_or_else(|| {
        "it is not called on the thread of a test of the standard harness, so nobody knows the test's name"
            .to_owned()
    })
}

fn run(test: &str, number: u32, undisturbed: &CrashRun) -> Result<Found, String> {
    let place = OwnDirectory::new().map_err(|error| format!("no directory for it: {error}"))?;
    let task = Task {
        number,
        history: undisturbed.history.to_json().map_err(|error| error.to_string())?,
        output: undisturbed.outcome.as_ref().ok().cloned(),
        began: seconds(),
    };
    let json = serde_json::to_vec(&task).map_err(|error| error.to_string())?;
    fs::write(place.task(), json).map_err(|error| error.to_string())?;
    let said = start(test, &place)?;
    match fs::read_to_string(place.verdict()) {
        Ok(verdict) if verdict.is_empty() => Ok(Found::Same),
        Ok(verdict) => Ok(Found::Different(verdict)),
        Err(_) => Err(format!(
            "there, the test `{test}` did not come to this `crash_everywhere`; it said:\n{said}"
        )),
    }
}

/// Starts the program again, waits for its end, and gives what it has said.
fn start(test: &str, place: &OwnDirectory) -> Result<String, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = fs::File::create(place.output()).map_err(|error| error.to_string())?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    let kept = env::vars_os().filter(|(name, _)| is_kept(name));
    let mut child = Command::new(program)
        .args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env_clear()
        .envs(kept)
        .env("TZ", "Pacific/Kiritimati")
        .env("LANG", "tr_TR.UTF-8")
        .env(TASK, place.task())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(|error| error.to_string())?;
    let until = clock::real_time() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if clock::real_time() < until => thread::sleep(Duration::from_millis(5)),
            _ => {
                drop(child.kill());
                drop(child.wait());
                return Err(format!("it took longer than {PATIENCE:?}"));
            }
        }
    }
    let said = fs::read_to_string(place.output()).unwrap_or_default();
    let from = said.lines().count().saturating_sub(20);
    Ok(said.lines().skip(from).map(|line| format!("    {line}\n")).collect())
}

fn is_kept(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_uppercase();
    KEPT.iter().any(|begin| name.starts_with(begin))
}

/// A directory of its own; it ends with this.
struct OwnDirectory(PathBuf);

impl OwnDirectory {
    fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("flows-replay-{}-{number}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn task(&self) -> PathBuf {
        self.0.join("task")
    }

    fn verdict(&self) -> PathBuf {
        verdict_of(&self.task())
    }

    fn output(&self) -> PathBuf {
        self.0.join("output")
    }
}

impl Drop for OwnDirectory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn verdict_of(task: &Path) -> PathBuf {
    task.with_file_name("verdict")
}

fn seconds() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}

// ---- in the other process ----------------------------------------------------------------------

/// The task of this process, if it is the other one.
pub(super) fn task() -> Option<Task> {
    let path = env::var_os(TASK)?;
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

impl Task {
    pub(super) fn is_here(&self, number: u32) -> bool {
        self.number == number
    }

    /// Replays, says what it has found, and ends the process.
    pub(super) fn work_off(&self, registry: &Registry) -> ! {
        let path = PathBuf::from(env::var_os(TASK).unwrap_or_default());
        let elsewhere = path.parent().map(env::set_current_dir);
        while seconds() == self.began {
            thread::sleep(Duration::from_millis(5));
        }
        drop(elsewhere);
        let verdict = self.difference(registry).unwrap_or_default();
        let written = fs::write(verdict_of(&path), verdict);
        std::process::exit(i32::from(written.is_err()));
    }

    fn difference(&self, registry: &Registry) -> Option<String> {
        let history = match History::from_json(&self.history) {
            Ok(history) => history,
            Err(error) => return Some(error.to_string()),
        };
        if let Err(error) = replay::check(registry, &history, WhenEnded::Same) {
            return Some(error.to_string());
        }
        let again = replay::turn_of(registry, &history).ok()?.outcome?;
        let again = again.and_then(|output| output.decode::<Box<RawValue>>());
        let (Some(output), Ok(again)) = (&self.output, again) else { return None };
        let is_last = history.kinds().last() == Some("run_completed");
        (is_last && output.get() != again.get()).then(|| {
            let [here, there] = [output, &again].map(|output| in_words(&Ok(output.clone())));
            format!("its outcome\n    undisturbed: {here}\n    replayed:    {there}")
        })
    }
}
