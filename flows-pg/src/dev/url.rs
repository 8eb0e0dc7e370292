//! Puts another database into a connection string.
//!
//! Must never parse what it need not: whatever else the string says stays as it is. Called by
//! `fresh`.

/// The same server and role, another database. Takes URLs and `key=value` strings.
pub(crate) fn with_database(connection: &str, database: &str) -> String {
    let Some((scheme, rest)) = connection.split_once("://") else {
        // The last of two equal keys counts.
        return format!("{connection} dbname={database}");
    };
    let (before, options) = rest.split_once('?').map_or((rest, None), |(a, b)| (a, Some(b)));
    let server = before.split('/').next().unwrap_or_default();
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    format!("{scheme}://{server}/{database}{options}")
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[track_caller]
    fn check(connection: &str, expected: &str) {
        assert_eq!(with_database(connection, "new"), expected);
    }

    #[test]
    fn only_the_database_changes() {
        check("postgres://u:p@h:5432/old", "postgres://u:p@h:5432/new");
        check("postgresql://u@h", "postgresql://u@h/new");
        check("postgres://h/old?sslmode=disable", "postgres://h/new?sslmode=disable");
        check("postgres://h?sslmode=disable", "postgres://h/new?sslmode=disable");
        check("postgres://u@%2Frun%2Fpg/old", "postgres://u@%2Frun%2Fpg/new");
        check("host=h user=u dbname=old", "host=h user=u dbname=old dbname=new");
    }
}
