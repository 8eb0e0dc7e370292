//! Payloads by reference: what goes into an object store, who can read it, and what becomes of a run whose objects
//! are missing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use flows::ErrorKind;
use flows::codec::{AesGcm, FileStore, ObjectStore, PayloadCodec};
use flows::memory::MemoryStore;
use flows::pg::Transaction;
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{NoTls, connect};
use flows::prelude::*;
use flows_core::codec::Objects;
use flows_core::engine::EngineOptions;

#[path = "shared/waiting.rs"]
mod waiting;

use waiting::{Serving, until};

/// What is larger goes into an object.
const ABOVE: usize = 1_000;

fn large(word: &str) -> String {
    format!("{word} ").repeat(ABOVE)
}

#[activity]
async fn repeats(ctx: &ActivityContext, word: String) -> Result<String> {
    ctx.publish(&word).await?;
    Ok(word)
}

#[activity(transaction)]
async fn repeats_tx(tx: &Transaction<'_>, word: String) -> Result<String> {
    tx.execute("SELECT 1", &[]).await?;
    Ok(word)
}

#[workflow]
async fn child(ctx: &WorkflowContext, word: String) -> Result<String> {
    repeats(ctx, word).await
}

/// Uses its word wherever one can be stored.
#[workflow]
async fn echoes(ctx: &WorkflowContext, word: String, round: u32) -> Result<String> {
    if round == 0 {
        return ctx.continue_as_new(echoes::Input { word, round: 1 });
    }
    ctx.set_query("word", &word)?;
    let word = child(ctx, word).await?;
    let word = repeats(ctx, word).await?;
    let more: String = ctx.signal("more").await?;
    Ok(if more.is_empty() { word } else { more })
}

#[workflow]
async fn records(ctx: &WorkflowContext, word: String) -> Result<String> {
    repeats_tx(ctx, word).await
}

fn registry() -> Registry {
    register_all![echoes, records, child, repeats, repeats_tx]
}

/// Objects in this process, which can be out of reach.
#[derive(Clone, Default)]
struct Shelf {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    is_away: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Shelf {
    fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.objects.lock().expect("no panic").clone()
    }

    fn set(&self, objects: BTreeMap<String, Vec<u8>>) {
        *self.objects.lock().expect("no panic") = objects;
    }

    fn check(&self) -> Result<()> {
        if !self.is_away.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Err(Error::new(ErrorKind::Unavailable, "the shelf is away"))
    }
}

impl ObjectStore for Shelf {
    async fn put(&self, name: &str, object: Vec<u8>) -> Result<()> {
        self.check()?;
        self.objects.lock().expect("no panic").insert(name.to_owned(), object);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.check()?;
        Ok(self.all().remove(name))
    }
}

/// One store, which engines use with these options.
enum Stored {
    Memory(MemoryStore),
    Postgres(Database),
}

impl Stored {
    async fn engine(&self, options: EngineOptions) -> Result<flows_core::Engine> {
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

    async fn with(&self, store: impl ObjectStore) -> Result<flows_core::Engine> {
        let objects = Some(Objects::new(store, ABOVE));
        self.engine(EngineOptions { objects, ..EngineOptions::default() }).await
    }

    async fn plain(&self) -> Result<flows_core::Engine> {
        self.engine(EngineOptions::default()).await
    }

    fn serve(engine: &flows_core::Engine) -> Result<Serving> {
        let worker = Worker::builder(engine, registry());
        Ok(Serving::begin(worker.resident_for(Duration::ZERO).build()?))
    }
}

/// What never ends is a failure that says so.
async fn within<F: Future<Output = Result<()>>>(limit: Duration, behaviour: F) -> Result<()> {
    let ended = tokio::time::timeout(limit, behaviour).await;
    ended.unwrap_or_else(|_| panic!("it has not ended after {limit:?}"))
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
    what_is_large_is_in_objects,
    what_is_small_is_not,
    values_in_both_places_are_read_together,
    a_run_whose_object_is_missing_is_stuck_until_it_is_there,
    what_is_not_what_was_written_is_not_read,
    a_store_that_is_away_is_waited_for,
    objects_are_encrypted,
}

async fn waits(exec: &Execution<echoes::Workflow>) -> Result<()> {
    until(async || {
        let waiting_for = exec.describe().await?.waiting_for;
        Ok(waiting_for.is_some_and(|waits| waits.contains("more")))
    })
    .await
}

async fn stuck_reason(exec: &Execution<echoes::Workflow>) -> Result<String> {
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    Ok(exec.describe().await?.stuck.unwrap_or_default())
}

async fn what_is_large_is_in_objects(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let engine = stored.with(shelf.clone()).await?;
    let _worker = Stored::serve(&engine)?;
    let exec = engine.start(echoes::Input { word: large("abc"), round: 0 }).id("large").await?;
    exec.signal("more", &large("def")).await?;
    assert_eq!(exec.result().await?, large("def"));
    let newest = engine.execution::<echoes::Workflow>("large");
    assert_eq!(newest.query("word").await?, Some(large("abc")));
    let item = newest.stream::<String>().next().await?.map(|item| item.value);
    assert_eq!(item, Some(large("abc")));
    let described = newest.describe().await?;
    assert!(format!("{:?}", described.input).contains("abc abc"));
    let run = described.run_id.to_string();
    let names = shelf.all().into_keys().collect::<Vec<_>>();
    assert!(names.iter().any(|name| name.contains(&run)), "{run}: {names:?}");

    // who has not the store sees where it is
    let plain = stored.plain().await?;
    let exec = plain.execution::<echoes::Workflow>("large");
    for error in [
        exec.result().await.map(drop).unwrap_err(),
        exec.query::<serde_json::Value>("word").await.map(drop).unwrap_err(),
        exec.history().await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Codec, "{error:?}");
        let message = error.message();
        for said in [&format!("of run {run}")[..], "in object `", "payload_store"] {
            assert!(message.contains(said), "{said}: {message}");
        }
    }
    if let Stored::Postgres(database) = &stored {
        let url = database.superuser_url().unwrap_or(database.url());
        let (client, connection) = connect(url, NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("SET flows.backup = 'on'").await?;
        let sizes = "SELECT (SELECT max(length(input::text)) FROM flows.runs)::bigint, \
                            (SELECT max(length(output::text)) FROM flows.runs)::bigint, \
                            (SELECT max(length(events)) FROM flows.journal)::bigint, \
                            (SELECT max(length(value::text)) FROM flows.query_values)::bigint, \
                            (SELECT max(length(item::text)) FROM flows.stream_items)::bigint";
        let row = client.query_one(sizes, &[]).await?;
        let sizes: Vec<i64> = (0..row.len()).map(|column| row.get(column)).collect();
        assert!(sizes.iter().all(|size| (1..=ABOVE as i64).contains(size)), "{sizes:?}");
    }
    Ok(())
}

async fn what_is_small_is_not(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let engine = stored.with(shelf.clone()).await?;
    let _worker = Stored::serve(&engine)?;
    let exec = engine.start(echoes::Input { word: "small".into(), round: 0 }).await?;
    exec.signal("more", &"").await?;
    assert_eq!(exec.result().await?, "small");
    assert!(shelf.all().is_empty(), "{:?}", shelf.all().into_keys());
    let plain = stored.plain().await?.execution::<echoes::Workflow>(exec.id());
    assert_eq!(plain.result().await?, "small", "it is stored as without an object store");
    Ok(())
}

async fn values_in_both_places_are_read_together(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let plain = stored.plain().await?;
    let worker = Stored::serve(&plain)?;
    let exec = plain.start(echoes::Input { word: large("abc"), round: 1 }).id("both").await?;
    waits(&exec).await?;
    worker.stop().await?;
    let engine = stored.with(shelf.clone()).await?;
    let _worker = Stored::serve(&engine)?;
    engine.execution::<echoes::Workflow>("both").signal("more", &large("def")).await?;
    assert_eq!(engine.execution::<echoes::Workflow>("both").result().await?, large("def"));
    assert!(!shelf.all().is_empty());
    Ok(())
}

async fn a_run_whose_object_is_missing_is_stuck_until_it_is_there(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let engine = stored.with(shelf.clone()).await?;
    let worker = Stored::serve(&engine)?;
    let exec = engine.start(echoes::Input { word: large("abc"), round: 1 }).id("lost").await?;
    waits(&exec).await?;
    worker.stop().await?;
    let kept = shelf.all();
    shelf.set(BTreeMap::new());
    exec.signal("more", &"").await?;
    let worker = Stored::serve(&engine)?;
    let reason = stuck_reason(&exec).await?;
    let run = exec.describe().await?.run_id;
    for said in [&format!("of run {run}")[..], "in object `", "restore the object"] {
        assert!(reason.contains(said), "{said}: {reason}");
    }
    worker.stop().await?;
    shelf.set(kept);
    let _worker = Stored::serve(&engine)?;
    assert_eq!(exec.result().await?, large("abc"));
    Ok(())
}

async fn what_is_not_what_was_written_is_not_read(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let engine = stored.with(shelf.clone()).await?;
    let exec = engine.start(echoes::Input { word: large("abc"), round: 1 }).id("changed").await?;
    let kept = shelf.all();
    let changed = |object: &Vec<u8>| object.iter().map(u8::to_ascii_uppercase).collect();
    shelf.set(kept.iter().map(|(name, object)| (name.clone(), changed(object))).collect());
    let worker = Stored::serve(&engine)?;
    let reason = stuck_reason(&exec).await?;
    assert!(reason.contains("damaged"), "{reason}");
    worker.stop().await?;
    shelf.set(kept);
    let _worker = Stored::serve(&engine)?;
    exec.signal("more", &"").await?;
    assert_eq!(exec.result().await?, large("abc"));
    Ok(())
}

/// What a worker has to write waits, and other runs go on meanwhile; a client's call fails.
async fn a_store_that_is_away_is_waited_for(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let engine = stored.with(shelf.clone()).await?;
    let plain = stored.plain().await?; // starts what is large without objects
    let _worker = Stored::serve(&engine)?;
    shelf.is_away.store(true, Ordering::SeqCst);
    let refused = engine.start(echoes::Input { word: large("abc"), round: 1 }).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    assert!(refused.message().contains("the shelf is away"), "{refused}");
    let before = shelf.refused.load(Ordering::SeqCst);
    let waiting = plain.start(echoes::Input { word: large("abc"), round: 1 }).id("waits").await?;
    until(async || Ok(shelf.refused.load(Ordering::SeqCst) > before)).await?;
    let other = engine.start(echoes::Input { word: "small".into(), round: 1 }).await?;
    other.signal("more", &"").await?;
    assert_eq!(other.result().await?, "small");
    shelf.is_away.store(false, Ordering::SeqCst);
    waiting.signal("more", &"").await?;
    let waiting = engine.execution::<echoes::Workflow>("waits");
    assert_eq!(waiting.result().await?, large("abc"));
    Ok(())
}

async fn objects_are_encrypted(stored: Stored) -> Result<()> {
    let shelf = Shelf::default();
    let codec = || Ok::<_, Error>(Arc::new(AesGcm::new("k", [7; 32])?) as Arc<dyn PayloadCodec>);
    let objects = Some(Objects::new(shelf.clone(), ABOVE));
    let options = EngineOptions { codecs: vec![codec()?], objects, ..EngineOptions::default() };
    let engine = stored.engine(options).await?;
    let _worker = Stored::serve(&engine)?;
    let exec = engine.start(echoes::Input { word: large("secret"), round: 0 }).await?;
    exec.signal("more", &"").await?;
    assert_eq!(exec.result().await?, large("secret"));
    let objects = shelf.all();
    assert!(!objects.is_empty());
    for (name, object) in objects {
        assert!(!object.windows(6).any(|part| part == b"secret"), "{name} is readable");
    }
    Ok(())
}

#[tokio::test]
async fn objects_are_files() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("flows-objects-{}", uuid::Uuid::new_v4()));
    let stored = Stored::Memory(MemoryStore::new());
    let engine = stored.with(FileStore::new(&directory)).await?;
    let _worker = Stored::serve(&engine)?;
    let exec = engine.start(echoes::Input { word: large("abc"), round: 0 }).id("files").await?;
    exec.signal("more", &"").await?;
    assert_eq!(exec.result().await?, large("abc"));
    let tenant = directory.join(uuid::Uuid::nil().to_string());
    let runs = std::fs::read_dir(&tenant)?.collect::<std::io::Result<Vec<_>>>()?;
    assert!(runs.len() >= 2, "one directory of each run: {runs:?}");
    for run in runs {
        for file in std::fs::read_dir(run.path())? {
            let name = file?.file_name().into_string().expect("a name");
            assert_eq!(name.len(), 64, "{name}");
        }
    }
    let reader = || async { stored.with(FileStore::new(&directory)).await };
    let found = reader().await?.execution::<echoes::Workflow>("files");
    assert_eq!(found.result().await?, large("abc"));
    std::fs::remove_dir_all(&directory)?;
    let lost = reader().await?.execution::<echoes::Workflow>("files").result().await.unwrap_err();
    assert!(lost.message().contains("in object `"), "{lost}");
    Ok(())
}

/// A transactional activity writes its record itself, and a start may be in the application's transaction.
#[tokio::test]
async fn what_is_written_in_transactions_is_in_objects() -> Result<()> {
    let database = fresh_database().await?;
    let shelf = Shelf::default();
    let engine = Engine::builder().url(database.url()).payload_store(shelf.clone(), ABOVE);
    let engine = engine.connect().await?;
    engine.migrate().await?;
    let (mut client, connection) = connect(database.url(), NoTls).await?;
    tokio::spawn(connection);
    let tx = client.transaction().await?;
    let exec = engine.start(records::Input { word: large("abc") }).with_tx(&tx).await?;
    assert_eq!(shelf.all().len(), 1, "before the commit that refers to it");
    tx.commit().await?;
    let worker = Worker::builder(&engine, registry()).build()?;
    let worker = Serving::begin(worker);
    assert_eq!(exec.result().await?, large("abc"));
    worker.stop().await?;
    assert!(shelf.all().len() >= 2, "the record too");
    Ok(())
}
