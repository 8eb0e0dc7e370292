//! An initialised cluster in the cache, which every private server starts from as a copy.
//!
//! Copying takes a fraction of the time of `initdb`. The passwords are made once with it, and
//! only the user that made it can read them. Must never be started itself. Called by `start`.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::account::Account;
use super::binaries::Binaries;
use super::cache::Cache;
use super::command::{last_lines, run};
use super::error::DevError;
use super::random;

/// Settings of every private server.
const SETTINGS: &str = include_str!("cluster/postgresql.conf");
/// Who may connect.
const ACCESS: &str = include_str!("cluster/pg_hba.conf");
/// Makes the roles.
const ROLES: &str = include_str!("cluster/roles.sql");
/// Adds statistics of statements to `template1`; fails where PostgreSQL comes without them.
const STATISTICS: &str = include_str!("cluster/statistics.sql");
/// Makes the database `app` from `template1`, and drops the others.
const DATABASE: &str = include_str!("cluster/database.sql");
/// Loads the library that [`STATISTICS`] needs.
const PRELOAD: &str = "shared_preload_libraries = 'pg_stat_statements'\n";

/// A cluster in the cache and the passwords of its roles. Not `Debug`, because of these.
pub(crate) struct Cluster {
    pub(crate) data: PathBuf,
    pub(crate) superuser_password: String,
    pub(crate) app_password: String,
}

impl Cluster {
    /// The cluster for these programs, made now if the cache does not have it.
    pub(crate) fn cached(
        binaries: &Binaries,
        cache: &Cache,
        account: &Account,
    ) -> Result<Self, DevError> {
        let name = entry_name(binaries, account);
        let entry = cache.get_or_build(&name, |into| initialise(into, binaries, account))?;
        let doing = format!("read {}", passwords(&entry).display());
        let text = fs::read_to_string(passwords(&entry))
            .map_err(|error| DevError::caused(&doing, &error))?;
        let (superuser, app) =
            text.split_once(' ').ok_or_else(|| DevError::new(&doing, "empty"))?;
        Ok(Self {
            data: data(&entry),
            superuser_password: superuser.to_owned(),
            app_password: app.to_owned(),
        })
    }
}

/// Changes with everything that goes into a cluster, so that an old one is never used.
fn entry_name(binaries: &Binaries, account: &Account) -> String {
    let mut hasher = DefaultHasher::new();
    [SETTINGS, ACCESS, ROLES, STATISTICS, DATABASE, PRELOAD].hash(&mut hasher);
    binaries.directory().hash(&mut hasher);
    format!("cluster-{}-{}-{:016x}", binaries.version(), account.name(), hasher.finish())
}

fn data(entry: &Path) -> PathBuf {
    entry.join("data")
}

fn passwords(entry: &Path) -> PathBuf {
    entry.join("passwords")
}

fn initialise(entry: &Path, binaries: &Binaries, account: &Account) -> Result<(), DevError> {
    account.take(entry)?;
    let data = data(entry);
    let (superuser, app) = (random::hex()?, random::hex()?);
    let mut initdb = binaries.command("initdb", account);
    initdb.args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8"]);
    run("initdb", initdb.arg("--no-instructions").arg("-D").arg(&data))?;

    let roles = ROLES.replace(":superuser", &superuser).replace(":app", &app);
    execute(&roles, &data, binaries, account)?;
    let statistics = execute(STATISTICS, &data, binaries, account);
    execute(DATABASE, &data, binaries, account)?;

    let settings = format!("\n{SETTINGS}{}", statistics.map_or("", |()| PRELOAD));
    write(&data.join("postgresql.conf"), &settings, OpenOptions::new().append(true))?;
    write(&data.join("pg_hba.conf"), ACCESS, OpenOptions::new().write(true).truncate(true))?;
    let mut private = OpenOptions::new();
    private.write(true).create_new(true).mode(0o600);
    write(&passwords(entry), &format!("{superuser} {app}"), &private)
}

/// Runs statements in `template1` without a server: `postgres --single` reads them from its
/// standard input.
fn execute(
    statements: &str,
    data: &Path,
    binaries: &Binaries,
    account: &Account,
) -> Result<(), DevError> {
    let doing = "postgres --single";
    let failed = |error| DevError::caused(doing, &error);
    let mut postgres = binaries.command("postgres", account);
    postgres.args(["--single", "-j", "-D"]).arg(data).arg("template1");
    postgres.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = postgres.spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(statements.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stderr);
    // It goes on after an error, and then ends well.
    if output.status.success() && !said.contains("ERROR:") {
        return Ok(());
    }
    Err(DevError::new(doing, last_lines(&said)))
}

fn write(path: &Path, text: &str, options: &OpenOptions) -> Result<(), DevError> {
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| DevError::caused(format!("write {}", path.display()), &error))
}
