//! Payloads by reference: what is large goes into an object store, and what is stored in the database is its name.
//!
//! An object is written before the commit that refers to it, under a name that says whose it is and what it contains.
//! So a commit that is repeated writes the same object again, and one that is lost leaves an object behind that
//! nothing refers to.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, TryStreamExt};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::payload::envelope::{OBJECT, wrap};

/// How many objects of one call are written or read at once.
const AT_ONCE: usize = 16;

/// Where large payloads go: a directory ([`FileStore`](super::FileStore)), or a bucket.
/// [`EngineBuilder::payload_store`](https://docs.rs/flows/latest/flows/struct.EngineBuilder.html#method.payload_store)
/// takes one.
///
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::Mutex;
///
/// use flows_core::Result;
/// use flows_core::codec::ObjectStore;
///
/// #[derive(Default)]
/// struct Map(Mutex<BTreeMap<String, Vec<u8>>>);
///
/// impl ObjectStore for Map {
///     async fn put(&self, name: &str, object: Vec<u8>) -> Result<()> {
///         self.0.lock().unwrap().insert(name.to_owned(), object);
///         Ok(())
///     }
///
///     async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
///         Ok(self.0.lock().unwrap().get(name).cloned())
///     }
/// }
/// ```
pub trait ObjectStore: Send + Sync + 'static {
    /// Writes an object. When this returns, it is durable. One of this name that exists has the same content.
    ///
    /// The name is `<tenant>/<run>/<hash>`: two UUIDs and 64 hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot: a client's call fails, and what a worker has to write waits and is written later.
    fn put(&self, name: &str, object: Vec<u8>) -> impl Future<Output = Result<()>> + Send;

    /// Reads an object; `None` if there is none of this name.
    ///
    /// # Errors
    /// When it cannot be read.
    fn get(&self, name: &str) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;
}

type ObjectFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A store with its type erased.
trait AnyObjectStore: Send + Sync {
    fn put_boxed<'a>(&'a self, name: &'a str, object: Vec<u8>) -> ObjectFuture<'a, ()>;
    fn get_boxed<'a>(&'a self, name: &'a str) -> ObjectFuture<'a, Option<Vec<u8>>>;
}

impl<S: ObjectStore> AnyObjectStore for S {
    fn put_boxed<'a>(&'a self, name: &'a str, object: Vec<u8>) -> ObjectFuture<'a, ()> {
        Box::pin(self.put(name, object))
    }

    fn get_boxed<'a>(&'a self, name: &'a str) -> ObjectFuture<'a, Option<Vec<u8>>> {
        Box::pin(self.get(name))
    }
}

/// An object that is to be written.
pub(super) struct Upload {
    name: String,
    object: Vec<u8>,
}

/// An object store, and what goes into it.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn AnyObjectStore>,
    above: usize,
}

impl Objects {
    /// Values of more than so many bytes, as they would be stored, go into this store.
    pub fn new(store: impl ObjectStore, above: usize) -> Self {
        Self { store: Arc::new(store), above }
    }

    /// What is stored of an encoded value of a run: itself, or its name and what is to be written before.
    pub(super) fn place(&self, run: RunKey, value: Vec<u8>) -> (Vec<u8>, Option<Upload>) {
        if value.len() <= self.above {
            return (value, None);
        }
        let name = format!("{}/{}/{}", run.tenant, run.run, hash(&value));
        (wrap(&format!("{OBJECT}{name}"), b""), Some(Upload { name, object: value }))
    }

    pub(super) async fn put(&self, uploads: Vec<Upload>) -> Result<()> {
        let put = |Upload { name, object }| async move {
            let put = self.store.put_boxed(&name, object).await;
            put.map_err(|error| {
                let message = format!("cannot write object `{name}` of a payload: {error}");
                Error::new(ErrorKind::Unavailable, message)
            })
        };
        stream::iter(uploads.into_iter().map(put)).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// The objects of these names, as far as they can be read.
    pub(super) async fn get(&self, names: Vec<String>) -> HashMap<String, Vec<u8>> {
        let get = |name: String| async move {
            match self.get_one(&name).await {
                Ok(object) => Some((name, object)),
                Err(error) => {
                    tracing::warn!(object = name, "cannot read the object of a payload: {error}");
                    None
                }
            }
        };
        let objects = stream::iter(names.into_iter().map(get)).buffer_unordered(AT_ONCE);
        objects.filter_map(async |object| object).collect().await
    }

    async fn get_one(&self, name: &str) -> Result<Vec<u8>> {
        let Some(expected) = hash_of(name) else {
            return Err(Error::new(ErrorKind::Codec, "it has a name that no object has"));
        };
        let object = self.store.get_boxed(name).await?;
        let object = object.ok_or_else(|| Error::new(ErrorKind::NotFound, "it is missing"))?;
        if hash(&object) == expected {
            return Ok(object);
        }
        Err(Error::new(ErrorKind::Codec, "its content is not what was written"))
    }
}

fn hash(value: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(value) {
        let _ = write!(text, "{byte:02x}"); // text takes anything
    }
    text
}

/// The hash in a name: whoever can write into the database may not have any file read.
fn hash_of(name: &str) -> Option<&str> {
    let [tenant, run, hash] = name.split('/').collect::<Vec<_>>()[..] else { return None };
    let are_ids = [tenant, run].iter().all(|id| id.len() == 36 && Uuid::parse_str(id).is_ok());
    let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    (are_ids && hash.len() == 64 && hash.bytes().all(is_digit)).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_an_object_is_and_what_it_contains() {
        let run = RunKey::of_run(Uuid::nil(), Uuid::from_u128(7));
        let objects = Objects::new(super::super::FileStore::new("/nowhere"), 3);
        assert!(objects.place(run, b"abc".to_vec()).1.is_none());
        let (stored, upload) = objects.place(run, b"abcd".to_vec());
        let name = upload.expect("an object").name;
        let hash = "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589";
        assert_eq!(name, format!("{}/{}/{hash}", Uuid::nil(), Uuid::from_u128(7)));
        assert_eq!(stored, wrap(&format!("object:{name}"), b""));
        assert_eq!(hash_of(&name), Some(hash));
        for other in ["", "a/b/c", &name[1..], &format!("../{name}"), &name.replace("88", "..")] {
            assert_eq!(hash_of(other), None, "{other}");
        }
    }
}
