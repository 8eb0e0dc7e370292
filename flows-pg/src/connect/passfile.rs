//! `~/.pgpass`: passwords by server, database and role.
//!
//! Read for each connection, so that a password that is changed there is used. A file that others may
//! read is not used, as with libpq.

use std::path::Path;

/// Whose password is looked for.
pub(super) struct Login<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// The password of the first line that fits.
pub(super) fn password(file: &Path, login: &Login<'_>) -> Option<String> {
    let metadata = std::fs::metadata(file).ok()?;
    if !metadata.is_file() {
        tracing::warn!(file = %file.display(), "the password file is not a plain file: not used");
        return None;
    }
    if others_may_read(&metadata) {
        tracing::warn!(
            file = %file.display(),
            "the password file has group or world access: not used; its permissions should be u=rw \
             (chmod 0600)"
        );
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| of_line(line, login))
}

#[cfg(unix)]
fn others_may_read(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn others_may_read(_: &std::fs::Metadata) -> bool {
    false
}

/// `host:port:database:user:password`; `*` fits all, and `\` takes the meaning off what follows.
fn of_line(line: &str, login: &Login<'_>) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let port = login.port.to_string();
    let mut rest = line;
    for wanted in [login.host, &port, login.database, login.user] {
        let (field, behind) = field(rest)?;
        if rest.split(':').next() != Some("*") && field != wanted {
            return None;
        }
        rest = behind;
    }
    Some(unescaped(rest.chars()).0)
}

/// A field, and what is behind its colon.
fn field(text: &str) -> Option<(String, &str)> {
    let mut chars = text.chars();
    let (field, ended) = unescaped(chars.by_ref());
    ended.then_some((field, chars.as_str()))
}

/// Reads to a colon or to the end, and says whether there was a colon.
fn unescaped(mut chars: impl Iterator<Item = char>) -> (String, bool) {
    let mut value = String::new();
    while let Some(found) = chars.next() {
        match found {
            ':' => return (value, true),
            '\\' => value.extend(chars.next()),
            other => value.push(other),
        }
    }
    (value, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let login = Login { host: "db", port: 5432, database: "app", user: "a:b" };
        assert_eq!(of_line(line, &login).as_deref(), expected, "{line}");
    }

    #[test]
    fn lines() {
        check(r"db:5432:app:a\:b:s\:e\\c", Some(r"s:e\c"));
        check("*:*:*:*:x", Some("x"));
        check(r"db:*:app:a\:b:", Some(""));
        check(r"\*:*:*:*:x", None);
        check("#*:*:*:*:x", None);
        check("db:5433:app:*:x", None);
        check("other:*:*:*:x", None);
        check("db:5432", None);
        check("", None);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let file = std::env::temp_dir().join(format!("flows-pgpass-{}", std::process::id()));
        std::fs::write(&file, "*:*:*:*:x\n").unwrap();
        let login = Login { host: "db", port: 5432, database: "app", user: "u" };
        let found = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            password(&file, &login)
        };
        assert_eq!(found(0o600).as_deref(), Some("x"));
        assert_eq!(found(0o640), None);
        std::fs::remove_file(&file).unwrap();
    }
}
