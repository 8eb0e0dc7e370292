//! Payload codecs: what is stored, who can read it, and what becomes of a run whose key is missing.

use std::sync::Arc;

use flows::ErrorKind;
use flows::codec::{AesGcm, Encoded, PayloadCodec, Zstd};
use flows::memory::MemoryStore;
use flows::pg::Transaction;
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls, connect};
use flows::prelude::*;
use flows_core::engine::EngineOptions;

#[path = "shared/waiting.rs"]
mod waiting;

use waiting::{Serving, until};

/// What never ends is a failure that says so.
async fn within<F: Future<Output = Result<()>>>(limit: Duration, behaviour: F) -> Result<()> {
    let ended = tokio::time::timeout(limit, behaviour).await;
    ended.unwrap_or_else(|_| panic!("it has not ended after {limit:?}"))
}

const SECRET: &str = "the-secret-of-ada";

fn secret() -> String {
    SECRET.to_owned()
}

#[activity]
async fn tells(ctx: &ActivityContext, word: String) -> Result<String> {
    ctx.publish(&word).await?;
    ctx.heartbeat(&word)?;
    Ok(word)
}

#[activity(transaction)]
async fn tells_tx(tx: &Transaction<'_>, word: String) -> Result<String> {
    tx.execute("SELECT 1", &[]).await?;
    Ok(word)
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn fails(word: String) -> Result<()> {
    Err(Error::retryable(format!("cannot find {word}")))
}

#[workflow]
async fn child(ctx: &WorkflowContext, word: String) -> Result<String> {
    tells(ctx, word).await
}

/// Uses its word wherever one can be stored.
#[workflow]
async fn gossips(ctx: &WorkflowContext, word: String, round: u32) -> Result<String> {
    if round == 0 {
        return ctx.continue_as_new(gossips::Input { word, round: 1 });
    }
    ctx.set_query("word", &word)?;
    ctx.publish(&word)?;
    let side = word.clone();
    let word: String = ctx.side_effect(move || side).await?;
    let word = child(ctx, word).await?;
    let word = tells(ctx, word).await?;
    if let Err(error) = fails(ctx, word.clone()).await {
        ctx.publish(&error.to_string())?;
    }
    let more: String = ctx.signal("more").await?;
    if more == "fail" { Err(Error::terminal(format!("failed with {word}"))) } else { Ok(word) }
}

#[workflow]
async fn records(ctx: &WorkflowContext, word: String) -> Result<String> {
    let word = tells_tx(ctx, word).await?;
    let more: String = ctx.signal("more").await?;
    Ok(format!("{word} {more}"))
}

fn registry() -> Registry {
    register_all![gossips, records, child, asks_who, tells, tells_tx, fails, who]
}

/// One store, which engines use with these codecs.
enum Stored {
    Memory(MemoryStore),
    Postgres(Database),
}

type Given = Vec<Arc<dyn PayloadCodec>>;

fn given(codec: impl PayloadCodec) -> Given {
    vec![Arc::new(codec)]
}

fn key(id: &str) -> Result<AesGcm> {
    AesGcm::new(id, [id.len() as u8; 32])
}

impl Stored {
    async fn engine(&self, codecs: Given) -> Result<flows_core::Engine> {
        let options = EngineOptions { codecs, ..EngineOptions::default() };
        match self {
            Self::Memory(store) => {
                Ok(flows_core::Engine::with_options(Arc::new(store.clone()), options))
            }
            Self::Postgres(database) => {
                let plain = Engine::connect(database.url()).await?;
                plain.migrate().await?;
                let store = plain.store().expect("a database").clone();
                Ok(flows_core::Engine::with_options(Arc::new(store), options))
            }
        }
    }

    fn serve(engine: &flows_core::Engine) -> Result<Serving> {
        let worker = Worker::builder(engine, registry());
        Ok(Serving::begin(worker.resident_for(Duration::ZERO).build()?))
    }
}

/// Two tests of each: on each store.
macro_rules! on_each {
    ($($behaviour:ident,)*) => {$(
        mod $behaviour {
            use super::{MemoryStore, Stored, fresh_database, within};

            #[tokio::test]
            async fn memory() -> flows::Result<()> {
                let stored = Stored::Memory(MemoryStore::new());
                within(super::Duration::from_secs(60), super::$behaviour(stored)).await
            }

            #[tokio::test]
            async fn postgres() -> flows::Result<()> {
                let stored = Stored::Postgres(fresh_database().await?);
                within(super::Duration::from_secs(60), super::$behaviour(stored)).await
            }
        }
    )*};
}

on_each! {
    what_is_encrypted_is_read_by_its_key_alone,
    headers_are_encrypted,
    old_and_new_values_are_read_together,
    a_run_whose_key_is_missing_is_stuck_until_it_is_there,
    a_message_whose_key_is_missing_stays,
    a_codec_that_fails_harms_its_run_alone,
}

async fn what_is_encrypted_is_read_by_its_key_alone(stored: Stored) -> Result<()> {
    let engine = stored.engine(given(key("k1")?)).await?;
    let _worker = Stored::serve(&engine)?;
    let mut ended = Vec::new();
    for more in ["end", "fail"] {
        let exec = engine.start(gossips::Input { word: secret(), round: 0 }).id(more).await?;
        exec.signal("more", &more).await?;
        ended.push(exec.result().await);
    }
    assert_eq!(ended[0].as_ref().ok(), Some(&secret()));
    assert!(ended[1].as_ref().unwrap_err().message().contains(SECRET));
    let exec = engine.execution::<gossips::Workflow>("end");
    assert_eq!(exec.query("word").await?, Some(secret()));
    let mut stream = exec.stream::<String>();
    while let Some(item) = stream.next().await? {
        assert!(item.value.contains(SECRET), "{item:?}");
    }
    assert!(format!("{:?}", exec.describe().await?.input).contains(SECRET));
    assert!(!exec.history().await?.is_empty());

    let plain = stored.engine(Vec::new()).await?;
    for id in ["end", "fail"] {
        let exec = plain.execution::<gossips::Workflow>(id);
        let shown = format!("{:?}", exec.describe().await?);
        assert!(shown.contains("aes-gcm:k1") && !shown.contains(SECRET), "{shown}");
        for error in [
            exec.result().await.map(drop).unwrap_err(),
            exec.query::<serde_json::Value>("word").await.map(drop).unwrap_err(),
            exec.stream::<serde_json::Value>().next().await.map(drop).unwrap_err(),
            exec.history().await.map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Codec, "{error:?}");
            assert!(error.message().contains("`aes-gcm:k1`"), "{error}");
        }
    }
    if let Stored::Postgres(database) = &stored {
        nothing_readable(database).await?;
    }
    Ok(())
}

#[activity]
async fn who(ctx: &ActivityContext) -> Result<Option<String>> {
    Ok(ctx.header("word").map(str::to_owned))
}

#[workflow]
async fn asks_who(ctx: &WorkflowContext) -> Result<Vec<Option<String>>> {
    let (_, headers) = ctx.signal::<String>("more").with_headers().await?;
    let word = |headers: &flows::Headers| headers.get("word").map(str::to_owned);
    Ok(vec![word(ctx.headers()), who(ctx).await?, word(&headers)])
}

async fn headers_are_encrypted(stored: Stored) -> Result<()> {
    let engine = stored.engine(given(key("k1")?)).await?;
    let exec = engine.start(asks_who::Input {}).id("who").header("word", SECRET).await?;
    exec.signal("more", &secret()).header("word", SECRET).await?;
    assert_eq!(exec.describe().await?.headers.get("word"), Some(SECRET));
    let plain = stored.engine(Vec::new()).await?;
    let shown = format!("{:?}", plain.execution::<asks_who::Workflow>("who").describe().await?);
    assert!(shown.contains("aes-gcm:k1") && !shown.contains(SECRET), "{shown}");
    let _worker = Stored::serve(&engine)?;
    assert_eq!(exec.result().await?, [(); 3].map(|()| Some(secret())));
    if let Stored::Postgres(database) = &stored {
        let (client, connection) =
            connect(database.superuser_url().unwrap_or(database.url()), NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("SET flows.backup = 'on'; SET bytea_output = 'escape'").await?;
        for table in ["runs", "journal"] {
            assert_eq!(found(&client, table).await?.1, 0, "{table} is readable");
        }
    }
    Ok(())
}

/// Headers may be encoded where the input is not: then they alone say what is missing.
struct EncryptsObjectsWith(&'static str, AesGcm);

impl PayloadCodec for EncryptsObjectsWith {
    fn encode(&self, value: &[u8]) -> Result<Option<Encoded>> {
        let found = value.windows(self.0.len()).any(|part| part == self.0.as_bytes());
        if found { self.1.encode(value) } else { Ok(None) }
    }

    fn decode(&self, tag: &str, data: &[u8]) -> Result<Option<Vec<u8>>> {
        self.1.decode(tag, data)
    }
}

#[tokio::test]
async fn a_run_whose_headers_cannot_be_read_is_stuck() -> Result<()> {
    let stored = Stored::Memory(MemoryStore::new());
    let codec = || Ok::<_, Error>(given(EncryptsObjectsWith(SECRET, key("k1")?)));
    let engine = stored.engine(codec()?).await?;
    let exec = engine.start(asks_who::Input {}).id("who").header("word", SECRET).await?;
    exec.signal("more", &"word").await?;
    let worker = Stored::serve(&stored.engine(Vec::new()).await?)?;
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let reason = exec.describe().await?.stuck.unwrap_or_default();
    assert!(reason.contains("headers") && reason.contains("`aes-gcm:k1`"), "{reason}");
    worker.stop().await?;
    let _worker = Stored::serve(&engine)?;
    assert_eq!(exec.result().await?, [Some(secret()), Some(secret()), None]);
    Ok(())
}

/// Neither JSON nor bytes of any table contain it.
async fn nothing_readable(database: &Database) -> Result<()> {
    let url = database.superuser_url().unwrap_or(database.url());
    let (client, connection) = connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET flows.backup = 'on'; SET bytea_output = 'escape'").await?;
    for table in ["runs", "journal", "inbox", "query_values", "stream_items"] {
        let (rows, found) = found(&client, table).await?;
        assert!(rows > 0 || table == "inbox", "{table} has no rows");
        assert_eq!(found, 0, "{table} is readable");
    }
    Ok(())
}

async fn found(client: &Client, table: &str) -> Result<(i64, i64)> {
    let looked = format!(
        "SELECT count(*), count(*) FILTER (WHERE t::text LIKE '%{SECRET}%') FROM flows.{table} t"
    );
    let row = client.query_one(&looked, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

async fn old_and_new_values_are_read_together(stored: Stored) -> Result<()> {
    let rotated = || -> Result<Given> {
        let new = AesGcm::new("k22", [3; 32])?.or_decrypt("k1", [2; 32])?;
        Ok(vec![Arc::new(Zstd::new().at_least(1)), Arc::new(new)])
    };
    let long = format!("{SECRET} ").repeat(100);
    for (number, codecs) in [Vec::new(), given(key("k1")?), rotated()?].into_iter().enumerate() {
        let engine = stored.engine(codecs).await?;
        let worker = Stored::serve(&engine)?;
        let input = gossips::Input { word: long.clone(), round: 1 };
        let exec = engine.start(input).id(format!("run {number}")).await?;
        let waits = async || {
            let waiting_for = exec.describe().await?.waiting_for;
            Ok(waiting_for.is_some_and(|waits| waits.contains("more")))
        };
        until(waits).await?;
        worker.stop().await?;
    }
    let engine = stored.engine(rotated()?).await?;
    let _worker = Stored::serve(&engine)?;
    for number in 0..3 {
        let exec = engine.execution::<gossips::Workflow>(format!("run {number}"));
        exec.signal("more", &"end").await?;
        assert_eq!(exec.result().await?, long);
    }
    Ok(())
}

async fn stuck_reason(exec: &Execution<gossips::Workflow>) -> Result<String> {
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    Ok(exec.describe().await?.stuck.unwrap_or_default())
}

async fn a_run_whose_key_is_missing_is_stuck_until_it_is_there(stored: Stored) -> Result<()> {
    let writer = stored.engine(given(key("k1")?)).await?;
    let input = gossips::Input { word: secret(), round: 1 };
    let exec = writer.start(input).id("waits").await?;
    exec.signal("more", &"end").await?;
    for codecs in [Vec::new(), given(key("k22")?)] {
        let other = stored.engine(codecs).await?;
        let worker = Stored::serve(&other)?;
        let reason = stuck_reason(&exec).await?;
        assert!(reason.contains("`aes-gcm:k1`"), "{reason}");
        worker.stop().await?;
    }
    let _worker = Stored::serve(&writer)?;
    assert_eq!(exec.result().await?, secret());
    Ok(())
}

async fn a_message_whose_key_is_missing_stays(stored: Stored) -> Result<()> {
    let plain = stored.engine(Vec::new()).await?;
    let worker = Stored::serve(&plain)?;
    let input = gossips::Input { word: secret(), round: 1 };
    let exec = plain.start(input).id("hears").await?;
    let encrypting = stored.engine(given(key("k1")?)).await?;
    encrypting.execution::<gossips::Workflow>("hears").signal("more", &"end").await?;
    let reason = stuck_reason(&exec).await?;
    assert!(reason.contains("a message cannot be read"), "{reason}");
    worker.stop().await?;
    let _worker = Stored::serve(&encrypting)?;
    let exec = encrypting.execution::<gossips::Workflow>("hears");
    assert_eq!(exec.result().await?, secret());
    Ok(())
}

/// Encodes nothing that has this word in it.
struct Refuses(&'static str);

impl PayloadCodec for Refuses {
    fn encode(&self, value: &[u8]) -> Result<Option<Encoded>> {
        let found = value.windows(self.0.len()).any(|part| part == self.0.as_bytes());
        if found { Err(Error::terminal("it is not to be stored")) } else { Ok(None) }
    }

    fn decode(&self, _: &str, _: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

async fn a_codec_that_fails_harms_its_run_alone(stored: Stored) -> Result<()> {
    let engine = stored.engine(given(Refuses("forbidden"))).await?;
    let error = engine.start(gossips::Input { word: "forbidden".into(), round: 1 }).await;
    assert!(error.unwrap_err().message().contains("it is not to be stored"));
    let plain = stored.engine(Vec::new()).await?;
    let bad = gossips::Input { word: "forbidden".into(), round: 1 };
    plain.start(bad).id("bad").await?;
    let _worker = Stored::serve(&engine)?;
    let good = engine.start(gossips::Input { word: "allowed".into(), round: 1 }).await?;
    good.signal("more", &"end").await?;
    assert_eq!(good.result().await?, "allowed");
    let bad = plain.execution::<gossips::Workflow>("bad");
    assert!(stuck_reason(&bad).await?.contains("it is not to be stored"));
    Ok(())
}

/// A transactional activity writes its record itself, and a start may be in the application's transaction.
#[tokio::test]
async fn what_is_written_in_transactions_is_encrypted() -> Result<()> {
    let database = fresh_database().await?;
    let codec = || key("k1");
    let engine = Engine::builder().url(database.url()).payload_codec(codec()?).connect().await?;
    engine.migrate().await?;
    let (mut client, connection) = connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let tx = client.transaction().await?;
    let exec = engine.start(records::Input { word: secret() }).id("tx").with_tx(&tx).await?;
    engine.signal("tx", "more", &secret()).with_tx(&tx).await?;
    tx.commit().await?;
    let worker = Worker::builder(&engine, registry()).build()?;
    let _worker = Serving::begin(worker);
    assert_eq!(exec.result().await?, format!("{SECRET} {SECRET}"));
    let url = database.superuser_url().unwrap_or(database.url());
    let (client, connection) = connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET flows.backup = 'on'; SET bytea_output = 'escape'").await?;
    for table in ["runs", "journal", "inbox"] {
        assert_eq!(found(&client, table).await?.1, 0, "{table} is readable");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_compressed_takes_less_room() -> Result<()> {
    let database = fresh_database().await?;
    let builder = Engine::builder().url(database.url()).payload_codec(Zstd::new());
    let engine = builder.connect().await?;
    engine.migrate().await?;
    let worker = Worker::builder(&engine, registry()).build()?;
    let _worker = Serving::begin(worker);
    let word = "again and again ".repeat(2_000);
    let exec = engine.start(gossips::Input { word: word.clone(), round: 1 }).await?;
    exec.signal("more", &"end").await?;
    assert_eq!(exec.result().await?, word);
    let url = database.superuser_url().unwrap_or(database.url());
    let (client, connection) = connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET flows.backup = 'on'").await?;
    let sizes = "SELECT (SELECT max(length(input::text)) FROM flows.runs)::bigint, \
                        (SELECT max(length(events)) FROM flows.journal)::bigint";
    let row = client.query_one(sizes, &[]).await?;
    for size in [row.get::<_, i64>(0), row.get(1)] {
        assert!((1..2_000).contains(&size), "{size} bytes of {}", word.len());
    }
    Ok(())
}
