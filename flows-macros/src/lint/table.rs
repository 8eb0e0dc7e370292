//! What workflow code must not name, why, and what to write instead. Data, and nothing else.
//!
//! A path is written as in code:
//!
//! - `..::SystemTime::now` is any path that ends so: the name is unmistakable, wherever it was
//!   imported from;
//! - `std::fs::read` is exactly this path. About a word that people use for things of their own (`fs`,
//!   `env`, `File`) the [compiler is asked](super::ask), if it is not written with its crate;
//! - `std::fs::*` is everything below.
//!
//! Messages are `` `path` why ``, and then the help. Both speak of the context as `ctx`; the name
//! that it has in the function is put there.

/// Paths that mean the same, and what to say about them.
pub(super) struct Rule {
    pub(super) paths: &'static [&'static str],
    /// Goes on from the path: "reads a clock, …".
    pub(super) why: &'static str,
    /// The durable alternative.
    pub(super) help: &'static str,
}

/// Expressions that name a function, a type's function or a value.
pub(super) const PATHS: &[Rule] = &[
    Rule {
        paths: &[
            "..::SystemTime::now",
            "..::Utc::now",
            "..::Local::now",
            "..::OffsetDateTime::now_utc",
            "..::OffsetDateTime::now_local",
            "..::UtcDateTime::now",
            "..::Zoned::now",
            "jiff::Timestamp::now",
        ],
        why: CLOCK,
        help: "`ctx.now()` gives the time of the event that led here, the same in every replay",
    },
    Rule {
        paths: &["..::Instant::now", "..::quanta::Clock::new", "coarsetime::*"],
        why: CLOCK,
        help: "`ctx.now()` gives the same time in every replay; to limit how long something may \
               take, use `ctx.timeout(limit, future)`",
    },
    Rule {
        paths: &[
            "..::Uuid::new_v1",
            "..::Uuid::new_v4",
            "..::Uuid::new_v6",
            "..::Uuid::new_v7",
            "..::Uuid::now_v1",
            "..::Uuid::now_v6",
            "..::Uuid::now_v7",
            "..::Ulid::new",
            "..::Ulid::generate",
            "nanoid::nanoid",
            "cuid2::*",
            "xid::*",
        ],
        why: "makes a new id, and a replay would make another one",
        help: "`ctx.uuid()` gives an id that stays the same in every replay",
    },
    Rule {
        paths: &[
            "rand::random",
            "rand::random_bool",
            "rand::random_iter",
            "rand::random_range",
            "rand::random_ratio",
            "rand::fill",
            "rand::rng",
            "rand::make_rng",
            "..::thread_rng",
            "..::ThreadRng::default",
            "..::OsRng",
            "..::SysRng",
            "..::from_os_rng",
            "..::try_from_os_rng",
            "..::from_entropy",
            "fastrand::*",
            "getrandom::*",
            "oorandom::*",
            "..::RandomState::new",
            "..::RandomState::default",
        ],
        why: "gives random values, and a replay would get others",
        help: "`ctx.random()` draws a value, and `ctx.rng()` gives a generator, that are the same \
               in every replay",
    },
    Rule {
        paths: &[
            "tokio::spawn",
            "tokio::task::spawn",
            "..::spawn_local",
            "..::JoinSet::new",
            "..::LocalSet::new",
            "..::TaskTracker::new",
            "tokio::runtime::*",
            "tokio::task::*",
            "async_std::task::*",
            "smol::spawn",
            "smol::unblock",
        ],
        why: "starts a task that nobody records, and a replay would start it once more",
        help: "begin an activity or a child with `.start()` and await it later, or await several \
               at once with `flows::join!`",
    },
    Rule {
        paths: &["tokio::task::yield_now"],
        why: "lets other tasks go first, which a replay cannot repeat",
        help: "remove it: a workflow gives way whenever it waits for something durable",
    },
    Rule {
        paths: &["..::spawn_blocking", "..::block_in_place", "rayon::*"],
        why: "works on another thread, and a replay would do all of it once more",
        help: "put the work into an `#[activity]`, which may use threads as it likes",
    },
    Rule {
        paths: &["std::thread::*"],
        why: "uses threads, whose order nobody records, and a replay would do it once more",
        help: "put the work into an `#[activity]`; to do several durable things at once, use \
               `flows::join!`",
    },
    Rule {
        paths: &["std::thread::sleep"],
        why: "stops the worker's thread, and a replay would wait all over again",
        help: "`ctx.sleep(duration).await?` waits, also across restarts, and holds no thread",
    },
    Rule {
        paths: &["..::block_on", "futures::executor::*", "futures_executor::*", "pollster::*"],
        why: "stops the worker's thread until a future is done that nobody records",
        help: "await what is durable, and put other waiting into an `#[activity]`",
    },
    Rule {
        paths: &[
            "std::env::*",
            "dotenvy::*",
            "hostname::get",
            "..::gethostname",
            "num_cpus::*",
            "..::available_parallelism",
        ],
        why: "asks the machine that happens to run this, and a replay may run on another",
        help: "take it as input, read it in an `#[activity]`, or record it once: \
               `ctx.side_effect(|| …).await?`",
    },
    Rule {
        paths: &["std::fs::*", "tokio::fs::*", "async_fs::*", "fs_err::*", "tempfile::*"],
        why: "touches files, and a replay would do it once more and may find them changed",
        help: "do it in an `#[activity]`, whose result is recorded",
    },
    Rule {
        paths: &[
            "..::TcpStream::connect",
            "..::TcpStream::connect_timeout",
            "..::TcpListener::bind",
            "..::TcpSocket::new_v4",
            "..::TcpSocket::new_v6",
            "..::UdpSocket::bind",
            "..::UnixStream::connect",
            "..::UnixListener::bind",
            "..::UnixDatagram::bind",
            "tokio::net::lookup_host",
            "reqwest::get",
            "reqwest::blocking::*",
            "reqwest::Client::builder",
            "reqwest::Client::default",
            "reqwest::Client::new",
            "reqwest::ClientBuilder::new",
            "ureq::*",
            "isahc::*",
            "hyper::Client::*",
            "hyper::client::*",
            "hyper_util::client::*",
            "tonic::transport::*",
            "tokio_tungstenite::*",
        ],
        why: "talks to the network, and a replay would do it once more and hear something else",
        help: "do it in an `#[activity]`, which is retried, and whose result is recorded",
    },
    Rule {
        paths: &[
            "sqlx::query",
            "sqlx::query_as",
            "sqlx::query_scalar",
            "sqlx::query_with",
            "sqlx::raw_sql",
            "sqlx::QueryBuilder::new",
            "..::PgPool::connect",
            "..::PgPool::connect_lazy",
            "..::PgPoolOptions::new",
            "..::PgConnection::connect",
            "..::PgConnection::establish",
            "..::SqlitePool::connect",
            "..::MySqlPool::connect",
            "tokio_postgres::connect",
            "postgres::Client::connect",
            "diesel::delete",
            "diesel::insert_into",
            "diesel::select",
            "diesel::sql_query",
            "diesel::update",
            "rusqlite::Connection::open",
            "rusqlite::Connection::open_in_memory",
            "redis::Client::open",
            "redis::cmd",
            "mongodb::Client::with_uri_str",
        ],
        why: "talks to a database, and a replay would do it once more and may find other rows",
        help: "do it in an `#[activity]`; one with `#[activity(transaction)]` writes exactly once",
    },
    Rule {
        paths: &["std::process::*", "tokio::process::*"],
        why: "reaches for processes of this machine, and a replay would do it once more",
        help: "do it in an `#[activity]`; to end the workflow, return from it",
    },
    Rule {
        paths: &[
            "std::io::stdin",
            "std::io::read_to_string",
            "tokio::io::stdin",
            "tokio::signal::*",
        ],
        why: "waits for somebody at this machine, whom a replay cannot ask again",
        help: "take it as input, or wait for it with `ctx.signal::<T>(name).await?`",
    },
    Rule {
        paths: &["tokio::time::sleep", "tokio::time::sleep_until"],
        why: TIMER,
        help: "`ctx.sleep(duration).await?` waits, also across restarts",
    },
    Rule {
        paths: &["tokio::time::timeout", "tokio::time::timeout_at"],
        why: TIMER,
        help: "`ctx.timeout(limit, future).await` gives the result, or an error with `is_timeout()`",
    },
    Rule {
        paths: &[
            "tokio::time::interval",
            "tokio::time::interval_at",
            "..::IntervalStream::new",
            "async_io::Timer::*",
            "smol::Timer::*",
            "futures_timer::*",
        ],
        why: TIMER,
        help: "`ctx.sleep(duration).await?` in a `loop` does something now and then",
    },
    Rule {
        paths: &[
            "futures::future::join_all",
            "futures::future::join",
            "futures::future::join3",
            "futures_util::future::join_all",
            "futures_util::future::join",
            "..::FuturesOrdered::new",
        ],
        why: ORDER,
        help: "`flows::join_all(futures).await` and `flows::join!(a, b)` wait for all, the same in \
               every replay",
    },
    Rule {
        paths: &[
            "futures::future::try_join_all",
            "futures::future::try_join",
            "futures_util::future::try_join_all",
            "futures_util::future::try_join",
        ],
        why: ORDER,
        help: "`flows::try_join_all(futures).await?` and `flows::try_join!(a, b)?` wait for all or \
               the first error, the same in every replay",
    },
    Rule {
        paths: &[
            "futures::future::select",
            "futures::future::select_all",
            "futures::future::select_ok",
            "futures::future::try_select",
            "futures_util::future::select",
            "futures_util::future::select_all",
            "futures_util::future::select_ok",
        ],
        why: ORDER,
        help: "`flows::select!` and `flows::race(futures).await` give the first, the same in every \
               replay",
    },
    Rule {
        paths: &[
            "..::FuturesUnordered::new",
            "..::FuturesUnordered::from_iter",
            "futures::stream::*",
            "futures_util::stream::*",
            "tokio_stream::*",
            "async_stream::*",
        ],
        why: ORDER,
        help: "`flows::map_concurrent(items, 20, |item| ..).await?` has at most 20 at once, in order; \
               `flows::stream_concurrent` gives results as they come; both the same in every replay",
    },
    Rule {
        paths: &[
            "std::sync::mpsc::*",
            "tokio::sync::mpsc::*",
            "tokio::sync::oneshot::*",
            "tokio::sync::broadcast::*",
            "tokio::sync::watch::*",
            "futures::channel::*",
            "futures_channel::*",
            "crossbeam::channel::*",
            "crossbeam_channel::*",
            "flume::*",
            "async_channel::*",
            "kanal::*",
        ],
        why: "makes a channel, and nobody records what comes through it and when",
        help: "what comes from outside is a signal: `ctx.signal::<T>(name).await?`; within the \
               workflow a `Vec` or `VecDeque` will do",
    },
    Rule {
        paths: &["tokio::sync::*", "async_lock::*"],
        why: "makes something to wait on whose order nobody records",
        help: "a workflow is one task and needs no locks: use the value itself; to do only some \
               things at once, write `flows::map_concurrent(items, 20, |item| ..).await?`",
    },
];

pub(super) const CLOCK: &str = "reads this machine's clock, which says something else in a replay";
const TIMER: &str = "starts a timer that ends with this process, and no replay could repeat it";
const ORDER: &str = "runs futures in an order that nobody records, so a replay may take another";

/// Macros by path, as [`PATHS`]. None of them can be allowed: they await what nobody has checked.
pub(super) const COMBINATORS: &[(&str, &str)] = &[
    ("select", "flows::select!"),
    ("select_biased", "flows::select!"),
    ("join", "flows::join!"),
    ("try_join", "flows::try_join!"),
];

/// The crates of whose macros that is true.
pub(super) const RUNTIMES: &[&str] =
    &["tokio", "futures", "futures_util", "futures_lite", "futures_micro", "smol", "async_std"];

/// Other macros by path.
pub(super) const MACROS: &[Rule] = &[
    Rule {
        paths: &[
            "sqlx::query",
            "sqlx::query_as",
            "sqlx::query_scalar",
            "sqlx::query_file",
            "sqlx::query_file_as",
        ],
        why: "talks to a database, and a replay would do it once more and may find other rows",
        help: "do it in an `#[activity]`; one with `#[activity(transaction)]` writes exactly once",
    },
    Rule {
        paths: &["nanoid::nanoid", "nanoid"],
        why: "makes a new id, and a replay would make another one",
        help: "`ctx.uuid()` gives an id that stays the same in every replay",
    },
    Rule {
        paths: &["futures::poll", "futures_util::poll", "tokio_stream::*", "async_stream::*"],
        why: "polls what nobody records, and no replay could repeat it",
        help: "await it, or take the first of several with `flows::select!`",
    },
    Rule {
        paths: &["thread_local", "std::thread_local", "lazy_static", "lazy_static::lazy_static"],
        why: SHARED,
        help: KEEP,
    },
];

/// Methods that no type of a user's has under these names.
pub(super) const METHODS: &[Rule] = &[
    Rule {
        paths: &["block_on", "now_or_never", "poll_unpin", "try_poll_unpin"],
        why: "polls a future outside of the workflow's own awaits, and no replay could repeat it",
        help: "await it, or take the first of several with `flows::select!`",
    },
    Rule {
        paths: &["to_socket_addrs"],
        why: "asks the network for addresses, and a replay would ask once more and may get others",
        help: "do it in an `#[activity]`, whose result is recorded",
    },
    Rule {
        paths: &[
            "par_iter",
            "par_iter_mut",
            "into_par_iter",
            "par_bridge",
            "par_chunks",
            "spawn_blocking",
        ],
        why: "works on other threads, in an order that nobody records",
        help: "put the work into an `#[activity]`, which may use threads as it likes",
    },
];

/// About values that all runs of a process share.
pub(super) const SHARED: &str =
    "is shared by all runs of this process and lost with it, so a replay would find something else";
/// What to do about them.
pub(super) const KEEP: &str = "keep it in a local variable, or get it from an `#[activity]`; what \
                               activities share is given to the worker, and is \
                               `ActivityContext::state` there";
