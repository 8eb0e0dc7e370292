//! The server ends with its owner, however the owner ends, and leaves no files.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::wait_for;
use crate::dev::PrivateServer;

/// What a test needs to know about a server to see that it is gone.
struct Traces {
    port: u16,
    directory: PathBuf,
}

impl Traces {
    fn of(server: &PrivateServer) -> Self {
        Self { port: server.port(), directory: server.directory().to_owned() }
    }

    fn parse(line: &str) -> Option<Self> {
        let (port, directory) = line.strip_prefix("server ")?.split_once(' ')?;
        Some(Self { port: port.parse().ok()?, directory: PathBuf::from(directory.trim()) })
    }

    fn listens(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    #[track_caller]
    fn expect_present(&self) {
        assert!(self.listens(), "the server listens before its owner ends");
        assert!(Path::new(&self.directory).is_dir(), "it has its directory");
    }

    fn gone(&self) -> bool {
        !self.listens() && !self.directory.exists()
    }
}

/// Another process of this test program, which runs [`owner_process`].
fn spawn_owner(ending: &str) -> (Child, Traces) {
    let program = std::env::current_exe().expect("own path");
    let mut command = Command::new(program);
    command.args(["--exact", "dev::tests::life::owner_process", "--ignored", "--nocapture"]);
    command.env("FLOWS_TEST_ENDING", ending);
    let mut owner = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("spawns");
    let stdout = BufReader::new(owner.stdout.take().expect("stdout"));
    let traces = stdout.lines().find_map(|line| {
        let line = line.expect("line");
        Traces::parse(line.trim_start_matches("test dev::tests::life::owner_process ... "))
    });
    (owner, traces.expect("the owner starts a server"))
}

/// The process that owns a server in the tests below; not a test by itself.
#[test]
#[ignore = "started by other tests"]
fn owner_process() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let server = runtime.block_on(PrivateServer::start()).expect("starts");
    println!("\nserver {} {}", server.port(), server.directory().display());
    match std::env::var("FLOWS_TEST_ENDING").as_deref() {
        Ok("panic") => panic!("as asked"),
        Ok("exit") => std::process::exit(3),
        Ok("abort") => std::process::abort(),
        _ => std::thread::park(),
    }
}

#[track_caller]
fn check_signal(signal: &str) {
    let (mut owner, traces) = spawn_owner("wait");
    traces.expect_present();
    let killed = Command::new("kill").args(["-s", signal, &owner.id().to_string()]).status();
    assert!(killed.expect("kill").success(), "the signal is sent");
    let status = owner.wait().expect("the owner ends");
    assert!(!status.success(), "by the signal: {status}");
    wait_for("the server and its directory go", || traces.gone());
}

#[test]
fn it_ends_when_its_owner_is_killed() {
    check_signal("KILL");
}

#[test]
fn it_ends_when_its_owner_is_terminated() {
    check_signal("TERM");
}

#[test]
fn it_ends_when_its_owner_is_interrupted() {
    check_signal("INT");
}

#[track_caller]
fn check_ending(ending: &str) {
    let (mut owner, traces) = spawn_owner(ending);
    assert!(!owner.wait().expect("the owner ends").success(), "as asked");
    wait_for("the server and its directory go", || traces.gone());
}

#[test]
fn it_ends_when_its_owner_panics() {
    check_ending("panic");
}

#[test]
fn it_ends_when_its_owner_exits_or_aborts() {
    check_ending("exit");
    check_ending("abort");
}

#[tokio::test]
async fn it_is_gone_once_the_last_handle_is_dropped() {
    let server = PrivateServer::start().await.expect("starts");
    let traces = Traces::of(&server);
    drop(server.clone());
    traces.expect_present();
    drop(server);
    assert!(traces.gone(), "nothing is left");
}

#[tokio::test]
async fn the_shared_server_is_one() {
    let (one, other) = tokio::join!(crate::dev::shared_server(), crate::dev::shared_server());
    assert_eq!(one.expect("starts").port(), other.expect("starts").port());
}
