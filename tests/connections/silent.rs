//! Connections on which nobody answers: server processes that stand still, and what only looks like a
//! server. Requests go over other connections, or end with an error, within seconds.

use std::process::Command;

use flows::prelude::*;
use tokio::net::TcpListener;

use crate::scene::{Scene, Serving, nothing, pool, until, within};

/// Server processes that stand still until this is dropped.
struct Stopped(Vec<i32>);

impl Stopped {
    /// All processes behind the connections of this database, but the administrator's.
    async fn all(scene: &Scene) -> Result<Self> {
        let others = "SELECT pid FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()
                        AND backend_type = 'client backend'";
        let rows = scene.administrator.query(others, &[]).await?;
        let stopped = Self(rows.iter().map(|row| row.get(0)).collect());
        assert!(!stopped.0.is_empty(), "there is a connection to silence");
        stopped.signal("STOP");
        for pid in &stopped.0 {
            let stat = format!("/proc/{pid}/stat");
            let stands = async || Ok(std::fs::read_to_string(&stat)?.contains(") T "));
            until(stands).await?;
        }
        Ok(stopped)
    }

    fn signal(&self, name: &str) {
        for pid in &self.0 {
            let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
            assert!(sent.is_ok_and(|status| status.success()), "kill -s {name} {pid}");
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

async fn ten_starts(engine: &Engine) -> Result<Vec<Execution<nothing::Workflow>>> {
    let mut runs = Vec::new();
    for number in 0..10 {
        let start = async { engine.start(nothing::Input {}).priority(number).await };
        runs.push(within("a start", 12, start).await?);
    }
    Ok(runs)
}

#[tokio::test]
async fn starts_go_over_other_connections_of_the_pool() -> Result<()> {
    let scene = Scene::set().await?;
    let connected = Engine::connect(scene.database.url()).await?;
    for engine in [&scene.engine, &connected] {
        engine.start(nothing::Input {}).await?;
    }
    let stopped = Stopped::all(&scene).await?;
    for engine in [&scene.engine, &connected] {
        within("ten starts", 20, ten_starts(engine)).await?;
        within("a list", 12, async { engine.list().limit(1).await }).await?;
    }
    drop(stopped);
    let started = scene.count("FROM flows.runs WHERE priority > 0").await?;
    assert_eq!(started, 18, "each once");
    Ok(())
}

#[tokio::test]
async fn a_worker_and_its_own_starts_go_over_other_connections() -> Result<()> {
    let scene = Scene::set().await?;
    let engine = Engine::connect(scene.database.url()).await?;
    let serving = Serving::begin(Worker::builder(&engine, register_all![nothing]).build()?);
    within("a run", 20, async { engine.start(nothing::Input {}).await?.result().await }).await?;
    let stopped = Stopped::all(&scene).await?;
    let runs = within("ten starts", 30, ten_starts(&engine)).await?;
    for run in runs {
        within("a result", 40, run.result()).await?;
    }
    drop(stopped);
    serving.stop().await
}

/// Accepts connections and never says a word.
async fn mute() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("postgres://somebody@{}/somewhere", listener.local_addr()?);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(accepted) = listener.accept().await {
            held.push(accepted);
        }
    });
    Ok(url)
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_an_error() -> Result<()> {
    let url = mute().await?;
    let connected = within("an answer", 20, async { Ok(Engine::connect(&url).await) });
    let error = connected.await?.err().expect("there is no server");
    assert!(error.message().contains("did not answer in time"), "{error}");
    assert!(error.message().contains("127.0.0.1"), "{error}");
    let engine = Engine::from_pool(pool(&url, 2));
    let listed = within("an answer", 20, async { Ok(engine.list().limit(1).await) });
    assert!(listed.await?.unwrap_err().message().contains("did not answer in time"));
    Ok(())
}
