//! Progress in a browser: a server that starts runs and streams what they publish as server-sent events. The program is
//! its own client: it starts a run over HTTP, reads its events, loses the connection, and goes on behind the last one.
//!
//! Run it with `cargo run --example progress`. It finds a database or starts one by itself.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use flows::prelude::*;
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Serialize, Deserialize)]
enum Progress {
    Begun { rows: u32 },
    Imported { rows: u32 },
    Done,
}

/// Publishes while it works: readers see it at once.
#[activity]
async fn import(ctx: &ActivityContext, rows: u32) -> Result<u32> {
    for imported in (0..rows).step_by(100) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ctx.publish(&Progress::Imported { rows: imported + 100 }).await?;
    }
    Ok(rows)
}

#[workflow]
async fn import_file(ctx: &WorkflowContext, rows: u32) -> Result<u32> {
    ctx.publish(&Progress::Begun { rows })?;
    let imported = import(ctx, rows).await?;
    ctx.publish(&Progress::Done)?;
    Ok(imported)
}

/// `POST /imports`: answers the run's id.
async fn start(State(engine): State<Engine>) -> Result<String, (StatusCode, String)> {
    let started = engine.start(import_file::Input { rows: 500 }).await;
    started.map(|exec| exec.id()).map_err(|error| (StatusCode::BAD_GATEWAY, error.to_string()))
}

/// `GET /imports/{id}`: the events of a run. A browser sends the id of the last one that it has seen, and goes on.
async fn follow(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut stream = engine.execution::<import_file::Workflow>(id).stream::<Progress>();
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    if let Some(seen) = seen {
        stream = stream.after(seen);
    }
    let events = stream.into_stream().map(|item| {
        Ok(match item {
            Ok(item) => Event::default()
                .id(item.position.to_string())
                .data(serde_json::to_string(&item.value).unwrap_or_default()),
            Err(error) => Event::default().event("error").data(error.to_string()),
        })
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// A request over a plain connection; gives the lines of the answer as they come.
async fn request(
    server: SocketAddr,
    line: &str,
    seen: Option<&str>,
) -> std::io::Result<tokio::io::Lines<BufReader<TcpStream>>> {
    let mut connection = TcpStream::connect(server).await?;
    let seen = seen.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let head = format!("{line} HTTP/1.0\r\nContent-Length: 0\r\n{seen}\r\n");
    connection.write_all(head.as_bytes()).await?;
    Ok(BufReader::new(connection).lines())
}

/// What a client has seen of a run.
#[derive(Debug, Default)]
struct Seen {
    last: Option<String>,
    events: Vec<String>,
}

impl Seen {
    /// Reads and prints events behind the last one: until there are no more, or until it has so many in all.
    async fn read(&mut self, server: SocketAddr, id: &str, most: usize) -> Result<()> {
        println!("GET /imports/{id}, behind {}", self.last.as_deref().unwrap_or("nothing"));
        let mut lines =
            request(server, &format!("GET /imports/{id}"), self.last.as_deref()).await?;
        while self.events.len() < most
            && let Some(line) = lines.next_line().await?
        {
            if let Some(id) = line.strip_prefix("id: ") {
                self.last = Some(id.to_owned());
            } else if let Some(event) = line.strip_prefix("data: ") {
                println!("  {event}");
                self.events.push(event.to_owned());
            }
        }
        Ok(())
    }
}

/// Runs server, worker and client; gives what the client has seen.
async fn watch(database: &str) -> Result<Vec<String>> {
    let engine = Engine::connect(database).await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, flows::register_all!()).build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let working = tokio::spawn(async move { worker.run_until(stopped).await });

    let routes = Router::new().route("/imports", post(start)).route("/imports/{id}", get(follow));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    let app = routes.with_state(engine.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    println!("server: http://{server}");

    println!("POST /imports");
    let mut answer = request(server, "POST /imports", None).await?;
    let mut id = String::new();
    while let Some(line) = answer.next_line().await? {
        id = line; // the last line is the body
    }
    let mut seen = Seen::default();
    seen.read(server, &id, 3).await?;
    println!("the connection is lost");
    seen.read(server, &id, usize::MAX).await?;
    println!("imported: {} rows", engine.execution::<import_file::Workflow>(id).result().await?);

    serving.abort();
    drop(stop);
    working.await??;
    Ok(seen.events)
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = flows::pg::dev::database().await?;
    println!("database: {}", database.describe());
    watch(database.url()).await?;
    Ok(())
}

/// Run it with `cargo test --example progress`.
#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_loses_its_connection_sees_each_event_once() -> Result<()> {
        let database = flows::pg::dev::fresh_database().await?;
        let mut expected = vec![r#"{"Begun":{"rows":500}}"#.to_owned()];
        expected.extend((1..=5).map(|n| format!(r#"{{"Imported":{{"rows":{n}00}}}}"#)));
        expected.push(r#""Done""#.to_owned());
        assert_eq!(watch(database.url()).await?, expected);
        Ok(())
    }
}
