//! The process that is the server's parent, and the pipe that ties it to this process.
//!
//! Must never give the pipe's writing end to anybody else: the standard library opens it so that
//! no child inherits it. Called by `server`.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Mode;
use crate::dev::account::Account;
use crate::dev::binaries::Binaries;
use crate::dev::command::last_lines;
use crate::dev::error::DevError;
use crate::dev::random;

const SCRIPT: &str = include_str!("supervisor.sh");
/// How often to look whether the server is ready.
const POLL: Duration = Duration::from_millis(3);
/// How many times to look: about a minute, for a machine under load.
const POLLS: u32 = 20_000;
/// How many ports to try before giving up.
const PORTS: u32 = 10;
/// Ports below the range that systems give to outgoing connections: from there, a client that
/// reconnects during a restart could be given the server's own port.
const LOWEST_PORT: u16 = 15_000;
const PORT_COUNT: u16 = 17_000;

/// A running server and its parent process.
pub(super) struct Supervisor {
    directory: PathBuf,
    port: u16,
    parent: Mutex<Parent>,
    /// Held during a restart: a second one waits.
    restarting: Mutex<()>,
}

struct Parent {
    process: Child,
    /// Closing it ends the server; `None` only while it is being dropped.
    pipe: Option<ChildStdin>,
}

impl Supervisor {
    /// Starts the server on a copy of the cluster at `data`, and waits until it is ready.
    pub(super) fn start(
        binaries: &Binaries,
        data: &Path,
        settings: &[String],
        account: &Account,
    ) -> Result<Self, DevError> {
        let mut attempts = PORTS;
        loop {
            let supervisor = Self::spawn(binaries, data, settings, account)?;
            attempts -= 1;
            match supervisor.wait_until_ready(None) {
                Ok(()) => return Ok(supervisor),
                Err(error) if attempts > 0 && is_port_taken(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn(
        binaries: &Binaries,
        data: &Path,
        settings: &[String],
        account: &Account,
    ) -> Result<Self, DevError> {
        let directory = place(account)?.join(format!("flows-pg-{}", random::hex()?));
        let port = free_port()?;
        let mut command = account.command("/bin/sh");
        command.args(["-c", SCRIPT, "flows-postgres"]).arg(&directory).arg(data);
        command.arg(binaries.directory().join("postgres")).arg("-D").arg(directory.join("data"));
        command.arg("-p").arg(port.to_string());
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        // In a group of its own, because Ctrl-C and test runners signal whole groups.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let spawned = command.spawn().map_err(|error| DevError::caused("start /bin/sh", &error));
        let mut process = spawned?;
        let pipe = process.stdin.take();
        Ok(Self {
            directory,
            port,
            parent: Mutex::new(Parent { process, pipe }),
            restarting: Mutex::new(()),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The directory of the server's data and log.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn restart(&self, mode: Mode) -> Result<(), DevError> {
        let _alone = lock(&self.restarting);
        let before = self.ready();
        let signal: &[u8] = match mode {
            Mode::Fast => b"INT\n",
            Mode::Immediate => b"QUIT\n",
        };
        let asked = self.parent().pipe.as_mut().map_or(Ok(()), |pipe| pipe.write_all(signal));
        asked.map_err(|error| DevError::caused("restart the server", &error))?;
        self.wait_until_ready(before)
    }

    /// Waits for a server process other than `before` that accepts connections.
    fn wait_until_ready(&self, before: Option<u32>) -> Result<(), DevError> {
        for _ in 0..POLLS {
            if self.ready().is_some_and(|process| Some(process) != before) {
                return Ok(());
            }
            if let Some(reason) = self.parent().end() {
                return Err(DevError::new("start the server", reason));
            }
            std::thread::sleep(POLL);
        }
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        Err(DevError::new("start the server", format!("not ready\n{}", last_lines(&log))))
    }

    /// The id of the server's process once it accepts connections, from the file where it says so.
    fn ready(&self) -> Option<u32> {
        let text = fs::read_to_string(self.directory.join("data/postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let process = lines.next()?.parse().ok()?;
        (lines.nth(6)?.trim() == "ready").then_some(process)
    }

    fn parent(&self) -> MutexGuard<'_, Parent> {
        lock(&self.parent)
    }
}

/// What is behind these locks is valid even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Parent {
    /// What the supervisor said last, if it has ended.
    fn end(&mut self) -> Option<String> {
        let status = self.process.try_wait().ok()??;
        let mut said = String::new();
        if let Some(mut stderr) = self.process.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        Some(format!("it ended ({status})\n{}", last_lines(&said)))
    }
}

/// Waits until the server is stopped and its files are gone.
impl Drop for Parent {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.process.wait();
    }
}

/// A directory for temporary files that the server's account may use.
fn place(account: &Account) -> Result<PathBuf, DevError> {
    let mut places = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()].into_iter();
    let refused = || DevError::new("find a directory for temporary files", "none is writable");
    places.find(|place| account.can_write(place)).ok_or_else(refused)
}

/// A port that nobody used a moment ago.
fn free_port() -> Result<u16, DevError> {
    loop {
        let port = LOWEST_PORT + random::below(PORT_COUNT)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}

fn is_port_taken(error: &DevError) -> bool {
    error.to_string().contains("Address already in use")
}
