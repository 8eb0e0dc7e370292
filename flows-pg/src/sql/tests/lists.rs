//! Lists and counts of a tenant's many runs, by each filter: one that no run passes, and one that only the
//! hundred oldest pass.

use uuid::Uuid;

use super::cases::{Case, shards, text};
use super::fill::{BULK, id};
use crate::sql::LIST;

/// Pages of 8 KB for a hundred runs, whatever the filter.
const PAGES: u64 = 500;

/// In SQL.
#[derive(Clone)]
struct Filter {
    workflow: &'static str,
    version: &'static str,
    status: &'static str,
    closed: [&'static str; 2],
    created: [&'static str; 2],
}

const ALWAYS: [&str; 2] = ["-infinity", "infinity"];
/// When those ended that took a year.
const LATE: [&str; 2] = ["2020-12-01", "2021-03-01"];
const ANY: Filter =
    Filter { workflow: "NULL", version: "NULL", status: "NULL", closed: ALWAYS, created: ALWAYS };

pub(super) fn cases() -> Vec<Case> {
    let sizes = [("200", "100"), ("4000", "100"), ("200", "NULL")];
    let filters = filters();
    let of = |filter| sizes.map(|(scanned, limit)| case(filter, scanned, limit));
    filters.iter().flat_map(of).collect()
}

/// One that is lost without its index: that of workflows, of outcomes, of ends.
pub(super) fn by_each_index() -> [Case; 3] {
    let oldest = Filter { workflow: "'oldest'", ..ANY };
    let terminated = Filter { status: "4", ..ANY };
    let late = Filter { closed: LATE, ..ANY };
    [oldest, terminated, late].map(|filter| case(&filter, "200", "100"))
}

fn case(filter: &Filter, scanned: &str, limit: &str) -> Case {
    let arguments = arguments(filter, scanned, limit);
    Case { sql: LIST, session: None, rows: 1, pages: PAGES, tenant: BULK, arguments }
}

fn filters() -> Vec<Filter> {
    let mut filters = vec![
        ANY,
        Filter { workflow: "'nobody'", ..ANY },
        Filter { workflow: "'oldest'", ..ANY },
        Filter { version: "2", ..ANY },
        Filter { version: "7", ..ANY },
        Filter { workflow: "'bulk'", version: "2", ..ANY },
        Filter { workflow: "'bulk'", version: "7", ..ANY },
        Filter { workflow: "'oldest'", status: "4", ..ANY },
        Filter { workflow: "'bulk'", status: "2", ..ANY },
    ];
    let statuses = ["0", "1", "2", "3", "4", "5", "6"];
    filters.extend(statuses.map(|status| Filter { status, ..ANY }));
    for window in [["2099-01-01", "infinity"], ["-infinity", "2001-01-01"]] {
        filters.push(Filter { closed: window, ..ANY });
        filters.push(Filter { created: window, ..ANY });
    }
    filters.push(Filter { closed: LATE, ..ANY });
    filters.push(Filter { closed: ["2010-01-01", "2020-06-01"], ..ANY });
    filters.push(Filter { closed: LATE, status: "2", ..ANY });
    filters.push(Filter { created: ["2019-01-01", "2020-06-01"], ..ANY });
    filters
}

fn arguments(filter: &Filter, scanned: &str, limit: &str) -> Vec<String> {
    let Filter { workflow, version, status, closed, created } = filter;
    let is_closed = (*closed != ALWAYS).to_string();
    let has_outcome = (!["NULL", "0", "1"].contains(status)).to_string();
    let places = if *status == "0" { shards() } else { "NULL".into() };
    let owned =
        |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    [
        vec![text(id(BULK))],
        owned(&[workflow, version, status, &has_outcome]),
        vec![text(closed[0]), text(closed[1]), is_closed, text(created[0]), text(created[1])],
        vec![text("infinity"), text(Uuid::max())],
        owned(&[scanned, limit, "false", "16000000"]),
        vec![places, format!("'{}'::timestamptz - interval '1 min'", closed[0])],
    ]
    .concat()
}
