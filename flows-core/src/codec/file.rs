//! Objects as files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, mem};

use super::ObjectStore;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};

/// Keeps the objects of large payloads as files of a directory, which all workers and clients must share.
#[derive(Debug, Clone)]
pub struct FileStore {
    directory: PathBuf,
}

impl FileStore {
    /// In this directory, which is made when the first object is written.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }
}

impl ObjectStore for FileStore {
    async fn put(&self, name: &str, object: Vec<u8>) -> Result<()> {
        let path = self.directory.join(name);
        aside(path.clone(), move || write(&path, &object)).await
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.directory.join(name);
        aside(path.clone(), move || match fs::read(&path) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }
}

/// Files block.
async fn aside<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|ended| Err(io::Error::other(ended)));
    done.map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("file {}: {error}", path.display()))
    })
}

/// Under its name there is the whole file or none, also after a crash of the machine.
fn write(path: &Path, object: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| found.len() == object.len() as u64) {
        return Ok(()); // its name says what it contains
    }
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let unfinished = directory.join(format!("{}.unfinished", clock::uuid_v7()));
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(object)?;
    file.sync_all()?;
    mem::drop(file);
    fs::rename(&unfinished, path)?;
    directory.ancestors().take(3).try_for_each(|it| fs::File::open(it)?.sync_all())
}
