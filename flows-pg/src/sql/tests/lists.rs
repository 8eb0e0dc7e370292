//! The statements of lists and counts of a tenant's many runs: each in each way it is used, where it finds nothing,
//! and where only the hundred oldest pass.

use uuid::Uuid;

use super::cases::{Case, shards, text};
use super::fill::{BULK, id};
use crate::sql::{
    LIST_ATTRIBUTES, LIST_CHILDREN, LIST_GROUPS, LIST_LATE, LIST_OPEN, LIST_RANGE, LIST_RUNS,
    LIST_VALUES, LIST_WALK, Sql,
};

/// Pages of 8 KB for a hundred runs, whatever the filter.
const PAGES: u64 = 500;

/// A walk, in SQL.
#[derive(Clone, Copy)]
struct Walk {
    groups: [&'static str; 2],
    each: &'static str,
    outcome: &'static str,
    status: &'static str,
    closed: [&'static str; 2],
    created: [&'static str; 2],
    read: &'static str,
}

const ALWAYS: [&str; 2] = ["-infinity", "infinity"];
/// When those ended that took a year.
const LATE: [&str; 2] = ["2020-12-01", "2021-03-01"];
const FUTURE: [&str; 2] = ["2099-01-01", "infinity"];
const PAST: [&str; 2] = ["-infinity", "2001-01-01"];
const BULKY: [&str; 2] = ["bulk", "1"];
const OLDEST: [&str; 2] = ["oldest", "1"];
const ANY: Walk = Walk {
    groups: BULKY,
    each: "100",
    outcome: "NULL",
    status: "NULL",
    closed: ALWAYS,
    created: ALWAYS,
    read: "100",
};

pub(super) fn cases() -> Vec<Case> {
    [walks(), groups(), gathered(), attributes(), children()].into_iter().flatten().collect()
}

/// One that is lost without its index: that of workflows, of outcomes, of ends.
pub(super) fn by_each_index() -> [Case; 4] {
    let oldest = Walk { groups: OLDEST, ..ANY };
    let terminated = Walk { outcome: "4", ..ANY };
    let [first, ..] = &attributes()[..] else { unreachable!("there are cases") };
    [walk(oldest), walk(terminated), late(LATE), first.clone()]
}

fn case(sql: Sql, arguments: Vec<String>) -> Case {
    Case { sql, session: None, rows: 1, pages: PAGES, tenant: BULK, arguments }
}

/// The first look at a hundred, a further one of a list, and one of a count.
fn walks() -> Vec<Case> {
    let many = ["\"bulk\",\"oldest\",\"bulk\",\"nobody\"", "1,1,7,1"];
    let walks = [
        ANY,
        Walk { groups: many, each: "50", ..ANY },
        Walk { groups: OLDEST, ..ANY },
        Walk { groups: ["bulk", "7"], ..ANY },
        Walk { groups: ["nobody", "1"], ..ANY },
        Walk { outcome: "4", ..ANY },
        Walk { outcome: "2", ..ANY },
        Walk { created: FUTURE, ..ANY },
        Walk { created: PAST, ..ANY },
        Walk { created: ["2019-01-01", "2020-06-01"], ..ANY },
    ];
    let in_vain = [
        Walk { status: "0", ..ANY },
        Walk { groups: many, status: "0", ..ANY },
        Walk { closed: FUTURE, ..ANY },
        Walk { closed: PAST, ..ANY },
        Walk { closed: LATE, created: ["2020-11-30", "2021-03-01"], ..ANY },
        Walk { closed: LATE, outcome: "4", ..ANY },
    ];
    let further = |walk: Walk| {
        let each = if walk.groups == many { "1000" } else { "4000" };
        [Walk { each: "200", ..walk }, Walk { each, ..walk }, Walk { each, read: "0", ..walk }]
    };
    let counted = Walk { each: "4000", read: "0", ..ANY };
    walks
        .into_iter()
        .chain([counted])
        .chain(in_vain.into_iter().flat_map(further))
        .map(walk)
        .collect()
}

/// The hundred children of a run: listed, looked through in vain, and counted.
fn children() -> Vec<Case> {
    let of = |most: &str, status: &str, read: &str| {
        let always = ["'-infinity'", "'infinity'"];
        let filters = ["NULL", "NULL", status, always[0], always[1], "false", read];
        let owned = |values: &[&str]| values.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let keys = vec![text(id(BULK)), text(id(7))];
        let behind = vec![text("infinity"), text("ffffffff-ffff-ffff-ffff-ffffffffffff")];
        let arguments = [keys, owned(&always), behind, owned(&[most]), owned(&filters)].concat();
        case(LIST_CHILDREN, arguments)
    };
    vec![of("100", "NULL", "100"), of("4000", "2", "100"), of("4000", "NULL", "0")]
}

fn walk(walk: Walk) -> Case {
    let Walk { groups: [workflows, versions], each, outcome, status, closed, created, read } = walk;
    let of_each = |value: &str| {
        let values = versions.split(',').map(|_| value).collect::<Vec<_>>();
        format!("'{{{}}}'", values.join(","))
    };
    let is_closed = (closed != ALWAYS).to_string();
    let [each, outcome, status, read] = [each, outcome, status, read].map(str::to_owned);
    case(
        LIST_WALK,
        vec![
            text(id(BULK)),
            format!("'{{{workflows}}}'"),
            format!("'{{{versions}}}'"),
            of_each("infinity"),
            of_each("ffffffff-ffff-ffff-ffff-ffffffffffff"),
            each,
            text(created[0]),
            text(created[1]),
            outcome,
            status,
            text(closed[0]),
            text(closed[1]),
            is_closed.clone(),
            is_closed,
            read,
        ],
    )
}

fn groups() -> Vec<Case> {
    let all = |outcome: &str| groups_of("\u{10FFFF}", "", outcome);
    let one = |workflow: &str, outcome: &str| groups_of(workflow, workflow, outcome);
    vec![
        all("NULL"),
        all("4"),
        all("2"),
        one("bulk", "NULL"),
        one("nobody", "NULL"),
        one("bulk", "4"),
    ]
}

fn groups_of(before: &str, first: &str, outcome: &str) -> Case {
    let (last, most) = (i64::MAX.to_string(), "100".to_owned());
    case(
        LIST_GROUPS,
        vec![text(id(BULK)), text(before), last, text(first), most, outcome.to_owned()],
    )
}

/// What is few, or not asked for.
fn gathered() -> Vec<Case> {
    let first = (0..100).map(|n| super::fill::key(n * super::fill::TENANTS + super::cases::TENANT));
    let (shards_of, runs): (Vec<_>, Vec<_>) =
        first.map(|key| (key.shard.to_string(), key.run.to_string())).unzip();
    let keys = |payloads: &str| {
        let (shards, runs) = (shards_of.join(","), runs.join(","));
        let lists = [format!("'{{{shards}}}'"), format!("'{{{runs}}}'")];
        let tenant = vec![text(id(super::cases::TENANT))];
        let rest = vec![payloads.to_owned(), "16000000".to_owned()];
        let arguments = [tenant, lists.to_vec(), rest].concat();
        Case { tenant: super::cases::TENANT, ..case(LIST_RUNS, arguments) }
    };
    let open = case(LIST_OPEN, vec![text(id(BULK)), shards(), "1001".into()]);
    vec![
        late(LATE),
        late(FUTURE),
        late(["2010-01-01", "2020-06-01"]),
        open,
        keys("false"),
        keys("true"),
    ]
}

/// By an attribute that all runs have, by one that each has another of, and by what none has.
fn attributes() -> Vec<Case> {
    let values = |name: &str, values: &[&str], each: &str, [since, until]: [&str; 2]| {
        let of_each = |value: &str| format!("'{{{}}}'", vec![value; values.len()].join(","));
        let quoted = values.iter().map(|value| format!("\"\\\\x{value}\"")).collect::<Vec<_>>();
        case(
            LIST_VALUES,
            vec![
                text(id(BULK)),
                text(name),
                format!("'{{{}}}'", quoted.join(",")),
                of_each(until),
                of_each("ffffffff-ffff-ffff-ffff-ffffffffffff"),
                each.to_owned(),
                text(since),
            ],
        )
    };
    let range = |name: &str, from: &str, until: &str| {
        let bounds = [from, until].map(|value| format!("'\\x{value}'")).to_vec();
        let place = [text("-infinity"), text(Uuid::nil()), "400".to_owned()].to_vec();
        case(LIST_RANGE, [vec![text(id(BULK)), text(name)], bounds, place].concat())
    };
    let many = (0..24).map(|n| format!("04{n:02x}")).collect::<Vec<_>>();
    let many = many.iter().map(String::as_str).collect::<Vec<_>>();
    let first = (0..80).map(|n| super::fill::key(n * super::fill::TENANTS + super::cases::TENANT));
    let first = first.collect::<Vec<_>>();
    let shards = first.iter().map(|key| key.shard.to_string()).collect::<Vec<_>>().join(",");
    let runs = first.iter().map(|key| key.run.to_string()).collect::<Vec<_>>().join(",");
    let of_runs =
        vec![text(id(super::cases::TENANT)), format!("'{{{shards}}}'"), format!("'{{{runs}}}'")];
    vec![
        values("region", &["046575"], "80", ALWAYS),
        values("region", &["046575"], "80", PAST),
        values("region", &["046575"], "80", ["2019-01-01", "2020-06-01"]),
        values("region", &["046576"], "80", ALWAYS),
        values("nothing", &["046575"], "80", ALWAYS),
        values("region", &many, "4", ALWAYS),
        range("number", "02", "03"),
        range("number", "028000000000000005", "0280000000000000ff"),
        range("nothing", "02", "03"),
        range("region", "02", "03"),
        Case { tenant: super::cases::TENANT, ..case(LIST_ATTRIBUTES, of_runs) },
    ]
}

fn late(closed: [&str; 2]) -> Case {
    let nobody = "00000000-0000-0000-0000-000000000000";
    case(
        LIST_LATE,
        vec![text(id(BULK)), text(closed[0]), text(closed[1]), text(nobody), "400".into()],
    )
}
