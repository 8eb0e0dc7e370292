//! The schema's name, and everything that is named after it: roles, settings, the channel of
//! notifications.
//!
//! The files of SQL say `flows`. For another schema each text is written anew, once per process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use flows_core::error::{Error, ErrorKind, Result};

use crate::sql::{ALL, Sql};

/// The name in the files.
const FLOWS: &str = "flows";
/// Roles have seven bytes more, and PostgreSQL cuts names behind 63.
const LONGEST: usize = 50;
/// The lock of migrations of the schema `flows`; those of others lie behind it.
const LOCK: i64 = 7_311_418_502;

/// Words that cannot be a name without quotes.
const RESERVED: &str = " all analyse analyze and any array as asc asymmetric authorization binary both case \
    cast check collate collation column concurrently constraint create cross current_catalog current_date \
    current_role current_schema current_time current_timestamp current_user default deferrable desc \
    distinct do else end except false fetch for foreign freeze from full grant group having ilike in \
    initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp \
    natural not notnull null offset on only or order outer overlaps placing primary references returning \
    right select session_user similar some symmetric system_user table tablesample then to trailing true \
    union unique user using variadic verbose when where window with information_schema ";

/// The names of one schema. Free to copy.
#[derive(Clone, Copy)]
pub(crate) struct Names(&'static Texts);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.schema())
    }
}

struct Texts {
    schema: String,
    tenant: String,
    worker: String,
    /// By the names of the statements; nothing for the schema of the files.
    statements: HashMap<&'static str, String>,
}

static OF_FILES: LazyLock<Texts> = LazyLock::new(|| Texts::new(FLOWS));
/// One for each name that this process has used.
static OTHERS: Mutex<Vec<&'static Texts>> = Mutex::new(Vec::new());

impl Default for Names {
    fn default() -> Self {
        Self(&OF_FILES)
    }
}

impl Names {
    /// Those of a schema of that name.
    ///
    /// # Errors
    /// It is not a plain name.
    pub(crate) fn of(schema: &str) -> Result<Self> {
        check(schema)?;
        if schema == FLOWS {
            return Ok(Self::default());
        }
        let mut others = OTHERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = others.iter().find(|texts| texts.schema == schema) {
            return Ok(Self(known));
        }
        let texts: &'static Texts = Box::leak(Box::new(Texts::new(schema)));
        others.push(texts);
        Ok(Self(texts))
    }

    pub(crate) fn schema(self) -> &'static str {
        &self.0.schema
    }

    /// The role that sees one tenant.
    pub(crate) fn tenant(self) -> &'static str {
        &self.0.tenant
    }

    /// The role that sees all.
    pub(crate) fn worker(self) -> &'static str {
        &self.0.worker
    }

    /// A statement for this schema.
    pub(crate) fn statement(self, sql: Sql) -> &'static str {
        self.0.statements.get(sql.name).map_or(sql.text, String::as_str)
    }

    /// Any text of SQL for this schema.
    pub(crate) fn in_text(self, sql: &str) -> String {
        renamed(sql, &self.0.schema)
    }

    /// The advisory lock of its migrations.
    pub(crate) fn lock(self) -> i64 {
        if self.0.schema == FLOWS {
            return LOCK;
        }
        let mix = |hash: i64, byte: u8| (hash ^ i64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.0.schema.bytes().fold(LOCK, mix)
    }
}

impl Texts {
    fn new(schema: &str) -> Self {
        let statement = |sql: &Sql| (sql.name, renamed(sql.text, schema));
        let statements = ALL.iter().map(statement).collect();
        Self {
            schema: schema.to_owned(),
            tenant: format!("{schema}_tenant"),
            worker: format!("{schema}_worker"),
            statements: if schema == FLOWS { HashMap::new() } else { statements },
        }
    }
}

fn check(schema: &str) -> Result<()> {
    let is_plain = schema.starts_with(|first: char| first.is_ascii_lowercase())
        && schema.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let is_taken = schema.starts_with("pg_") || RESERVED.contains(&format!(" {schema} "));
    if is_plain && !is_taken && schema.len() <= LONGEST {
        return Ok(());
    }
    let shown: String = schema.chars().take(LONGEST).collect();
    let message = format!(
        "`{shown}` cannot be the name of the schema: it has 1 to {LONGEST} lower-case letters, digits and \
         underscores, begins with a letter, and is neither a word of SQL nor one of PostgreSQL's own \
         (`pg_…`)"
    );
    Err(Error::new(ErrorKind::Configuration, message))
}

/// Puts a name in the place of the schema of the files, and of what is named after it.
fn renamed(text: &str, schema: &str) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(FLOWS) {
        let (before, behind) = (&rest[..at], &rest[at + FLOWS.len()..]);
        renamed.push_str(before);
        renamed.push_str(if is_name(&renamed, behind) { schema } else { FLOWS });
        rest = behind;
    }
    renamed.push_str(rest);
    renamed
}

/// Whether the word between is the schema: what follows or what stands before says so.
fn is_name(before: &str, behind: &str) -> bool {
    if before.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_') {
        return false;
    }
    let follows = [".", "_tenant", "_worker"].iter().any(|end| behind.starts_with(end));
    let quoted = before.ends_with('\'') && behind.starts_with('\'');
    let named =
        ["SCHEMA ", "SCHEMA IF NOT EXISTS ", "LISTEN "].iter().any(|word| before.ends_with(word));
    follows || quoted || named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["a", "billing", "b2_x", &"x".repeat(LONGEST)] {
            assert_eq!(Names::of(name).map(Names::schema).ok(), Some(name), "{name}");
        }
        for name in
            ["", "2b", "_x", "Billing", "a b", "a\"b", "a'; DROP", "ä", "pg_x", "order", "user"]
        {
            let error = Names::of(name).expect_err(name).to_string();
            assert!(error.contains("cannot be the name of the schema"), "{error}");
        }
        assert!(Names::of(&"x".repeat(LONGEST + 1)).is_err());
        assert_ne!(Names::of("a").map(Names::lock).ok(), Names::of("b").map(Names::lock).ok());
    }

    #[test]
    fn what_is_named_after_the_schema_is_renamed_and_nothing_else() {
        let check = |text: &str, expected: &str| assert_eq!(renamed(text, "x"), expected);
        check("SELECT flows.f() FROM flows.runs", "SELECT x.f() FROM x.runs");
        check(
            "SET ROLE flows_worker; SET a = 'flows writer'",
            "SET ROLE x_worker; SET a = 'flows writer'",
        );
        check("'flows', 'flows.tenant_id'", "'x', 'x.tenant_id'");
        check("ON SCHEMA flows TO flows_tenant", "ON SCHEMA x TO x_tenant");
        check("overflows.x SAVEPOINT flows", "overflows.x SAVEPOINT flows");
    }

    /// Nothing in the texts is named after the schema in a way that is not known here.
    #[test]
    fn every_statement_is_renamed_whole() {
        let names = Names::of("zebra").unwrap_or_default();
        for sql in ALL {
            for line in names.statement(*sql).lines().filter(|line| !line.starts_with("--")) {
                let line = line.split("--").next().unwrap_or_default();
                assert!(!line.contains(FLOWS), "{}: {line}", sql.name);
            }
        }
    }
}
