//! What the compiler is asked about: names and methods that may stand for what no replay can repeat. What
//! has to be awaited is not here: the types refuse that. Data, and nothing else; why, and what to write instead, is in [`table`](super::table).

/// Functions as they are written, with arguments for their type parameters that mostly fit. Whatever
/// has the last name of one is compared with it.
pub(super) const FUNCTIONS: &[&str] = &[
    "std::env::args",
    "std::env::args_os",
    "std::env::current_dir",
    "std::env::current_exe",
    "std::env::home_dir",
    "std::env::temp_dir",
    "std::env::var::<&str>",
    "std::env::var_os::<&str>",
    "std::env::vars",
    "std::env::vars_os",
    "std::fs::DirBuilder::new",
    "std::fs::File::create::<&str>",
    "std::fs::File::create_new::<&str>",
    "std::fs::File::open::<&str>",
    "std::fs::File::options",
    "std::fs::OpenOptions::new",
    "std::fs::canonicalize::<&str>",
    "std::fs::copy::<&str, &str>",
    "std::fs::create_dir::<&str>",
    "std::fs::create_dir_all::<&str>",
    "std::fs::exists::<&str>",
    "std::fs::hard_link::<&str, &str>",
    "std::fs::metadata::<&str>",
    "std::fs::read::<&str>",
    "std::fs::read_dir::<&str>",
    "std::fs::read_link::<&str>",
    "std::fs::read_to_string::<&str>",
    "std::fs::remove_dir::<&str>",
    "std::fs::remove_dir_all::<&str>",
    "std::fs::remove_file::<&str>",
    "std::fs::rename::<&str, &str>",
    "std::fs::set_permissions::<&str>",
    "std::fs::symlink_metadata::<&str>",
    "std::fs::write::<&str, &str>",
    "std::io::stdin",
    "std::process::Command::new::<&str>",
    "std::process::abort",
    "std::process::exit",
    "std::process::id",
    "std::thread::Builder::new",
    "std::thread::available_parallelism",
    "std::thread::current",
    "std::thread::park",
    "std::thread::park_timeout",
    "std::thread::scope::<for<'a> fn(&'a ::std::thread::Scope<'a, 'static>), ()>",
    "std::thread::sleep",
    "std::thread::yield_now",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "tokio::runtime::Handle::current",
    "tokio::runtime::Handle::try_current",
    "tokio::sync::Notify::new",
    "tokio::sync::Semaphore::new",
    "tokio::task::LocalSet::new",
    "tokio::time::Instant::now",
];

/// A kind of values.
pub(super) struct AskedKind {
    /// Functions that give one, or methods of one without arguments.
    pub(super) names: &'static [&'static str],
    /// The kind's name in the library.
    pub(super) kind: &'static str,
    /// Under whose rule it falls.
    pub(super) like: &'static str,
}

/// What functions give.
pub(super) const RESULTS: &[AskedKind] = &[
    AskedKind {
        names: &["channel", "sync_channel", "unbounded_channel"],
        kind: "Channel",
        like: "std::sync::mpsc::channel",
    },
    AskedKind { names: &["spawn"], kind: "Thread", like: "std::thread::spawn" },
    AskedKind { names: &["spawn"], kind: "Task", like: "tokio::spawn" },
];

/// What methods are of.
pub(super) const RECEIVERS: &[AskedKind] = &[
    AskedKind { names: &["elapsed"], kind: "Clock", like: "std::time::SystemTime::now" },
    AskedKind {
        names: &[
            "canonicalize",
            "exists",
            "is_dir",
            "is_file",
            "is_symlink",
            "metadata",
            "read_dir",
            "read_link",
            "symlink_metadata",
            "try_exists",
        ],
        kind: "File",
        like: "std::fs::metadata",
    },
    AskedKind {
        names: &["output", "spawn", "status"],
        kind: "Process",
        like: "std::process::Command::new",
    },
];
