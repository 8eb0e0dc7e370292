//! What this process has logged: workers log on threads of their own.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let to_log = move || Lines(Arc::clone(&lines));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(to_log).finish();
    tracing::subscriber::set_global_default(subscriber).expect("there is no other");
    log
});

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From now on, what is logged is kept.
pub(crate) fn keep() {
    LazyLock::force(&LOG);
}

/// The lines so far that have all of this.
pub(crate) fn lines_with(texts: &[&str]) -> Vec<String> {
    let log = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    let has_all = |line: &&str| texts.iter().all(|text| line.contains(text));
    log.lines().filter(has_all).map(str::to_owned).collect()
}
