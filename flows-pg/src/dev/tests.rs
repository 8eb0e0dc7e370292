//! Tests of the development database, on real servers.
//!
//! They follow `FLOWS_POSTGRES`, so that the whole set runs on every supported version. Another
//! machine is described by a [`Surroundings`] value; the process's own environment is never
//! changed.

mod fresh;
mod life;
mod private;
mod ways;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::random;
use super::surroundings::Surroundings;

/// A directory that is deleted when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let name = format!("flows-scratch-{}", random::hex().expect("random name"));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("scratch directory");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// This machine, with an empty cache.
fn empty_cache(scratch: &Scratch) -> Surroundings {
    use std::os::unix::fs::PermissionsExt;
    let readable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(scratch.path(), readable).expect("permissions");
    Surroundings {
        user_cache: Some(scratch.path().to_owned()),
        system_cache: scratch.path().to_owned(),
        ..Surroundings::of_this_process()
    }
}

/// Waits for something that another process does, up to ten seconds.
#[track_caller]
fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within ten seconds");
}
