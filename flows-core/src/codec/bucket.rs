//! Objects in buckets, by the crate `object_store`.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore as Buckets, ObjectStoreExt as _};

use super::ObjectStore;
use crate::error::{Error, ErrorKind, Result};

/// Keeps the objects of large payloads in a bucket: S3 and what is compatible with it, or any other store that the
/// crate [`object_store`] knows.
///
/// ```no_run
/// use flows_core::codec::BucketStore;
/// use flows_core::codec::object_store::aws::AmazonS3Builder;
///
/// // region, endpoint and credentials: from the environment, as `AWS_ACCESS_KEY_ID`
/// let bucket = AmazonS3Builder::from_env().with_bucket_name("payloads").build()?;
/// let store = BucketStore::new(bucket);
/// # Ok::<_, flows_core::codec::object_store::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BucketStore {
    bucket: Arc<dyn Buckets>,
}

impl BucketStore {
    /// In this bucket. For a part of one, give `object_store::prefix::PrefixStore`.
    pub fn new(bucket: impl Buckets) -> Self {
        Self { bucket: Arc::new(bucket) }
    }
}

impl ObjectStore for BucketStore {
    async fn put(&self, name: &str, object: Vec<u8>) -> Result<()> {
        self.bucket.put(&Path::from(name), object.into()).await.map(drop).map_err(unavailable)
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.bucket.get(&Path::from(name)).await {
            Ok(found) => Ok(Some(found.bytes().await.map_err(unavailable)?.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn unavailable(error: object_store::Error) -> Error {
    Error::new(ErrorKind::Unavailable, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_comes_back_or_is_missing() -> Result<()> {
        let store = BucketStore::new(object_store::memory::InMemory::new());
        store.put("a/b/c", vec![1, 2, 3]).await?;
        store.put("a/b/c", vec![1, 2, 3]).await?;
        assert_eq!(store.get("a/b/c").await?, Some(vec![1, 2, 3]));
        assert_eq!(store.get("a/b/d").await?, None);
        Ok(())
    }
}
