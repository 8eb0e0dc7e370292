//! What workflow code must not name, and what only looks like it. The messages in full, and what
//! they underline, are in `tests/ui` of the facade.

use expect_test::{Expect, expect};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ItemFn, LitStr};

use crate::lint;

/// Begins of the messages about a body with some parameters, one a line.
fn findings(params: &str, body: &str) -> String {
    let source = format!("async fn f(ctx: &WorkflowContext, {params}) {{ {body} }}");
    let mut item: ItemFn = syn::parse_str(&source).expect("a function");
    let messages = super::messages(
        lint::function(&mut item, true, &syn::parse_quote!(::flows)).errors.unwrap_or_default(),
    );
    messages.iter().map(|message| begin(message) + "\n").collect()
}

fn begin(message: &str) -> String {
    match message.split_once("\nhelp: ") {
        Some((sentence, _)) => sentence.split(", ").next().unwrap_or_default().to_owned(),
        None => message.lines().next().unwrap_or_default().to_owned(),
    }
}

/// What the compiler is asked about a body, and what is looked at when it runs.
#[track_caller]
fn check_asked(body: &str, expected: &Expect) {
    let source = format!("async fn f(ctx: &WorkflowContext) {{ {body} }}");
    let mut item: ItemFn = syn::parse_str(&source).expect("a function");
    let found = lint::function(&mut item, true, &syn::parse_quote!(::flows)).errors;
    assert!(found.is_none(), "{:?}", super::messages(found.unwrap_or_default()));
    let mut asked = String::new();
    questions(item.to_token_stream(), &mut asked);
    expected.assert_eq(&asked);
}

fn questions(tokens: TokenStream, out: &mut String) {
    let mut before = String::new();
    for tree in tokens {
        match &tree {
            TokenTree::Literal(text) if before == "message =" => {
                let text: LitStr = syn::parse_str(&text.to_string()).expect("a message");
                *out += &format!("{}\n", text.value().split(", ").next().unwrap_or_default());
            }
            TokenTree::Group(group) if before == "Global" => {
                *out += &format!("is `{}` constant?\n", group.stream());
            }
            TokenTree::Group(group) => {
                if before == "called" {
                    *out += "when it is called: ";
                }
                questions(group.stream(), out);
            }
            TokenTree::Literal(text) => {
                let text = syn::parse_str::<LitStr>(&text.to_string()).map(|text| text.value());
                let message = text.unwrap_or_default();
                if message.contains("\nhelp: ") {
                    *out += &(begin(&message) + "\n");
                }
            }
            _ => {}
        }
        match &tree {
            TokenTree::Punct(equals) if equals.as_char() == '=' => before += " =",
            other => before = other.to_string(),
        }
    }
}

#[test]
fn what_the_compiler_is_asked() {
    check_asked(
        "var(\"A\"); fs::copy(a, b); Clock::now(); Command::new(c); own::id; rng(); time::sleep(d);
         order.at.elapsed(); path.join(e).exists(); channel(); CONFIG.express; crate::MAX.min(1);
         println!(\"{}\", env::temp_dir());",
        &expect![[r#"
            `var` (`std::env::var`) asks the machine that happens to run this
            `fs::copy` (`std::fs::copy`) touches files
            `Clock::now` (`std::time::Instant::now`) reads this machine's clock
            `Clock::now` (`std::time::SystemTime::now`) reads this machine's clock
            `Clock::now` (`tokio::time::Instant::now`) reads this machine's clock
            when it is called: `Clock::now` (`jiff::Timestamp::now`) reads this machine's clock
            `Command::new` (`std::process::Command::new`) reaches for processes of this machine
            `own::id` (`std::process::id`) reaches for processes of this machine
            when it is called: `rng` (`rand::rng`) gives random values
            `time::sleep` (`std::thread::sleep`) stops the worker's thread
            `elapsed` reads this machine's clock
            `exists` touches files
            `channel` makes a channel
            is `& CONFIG` constant?
            is `& crate :: MAX` constant?
            `env::temp_dir` (`std::env::temp_dir`) asks the machine that happens to run this
        "#]],
    );
    check_asked(
        "var(ctx, 1); fs::copy(ctx, a, b); let id = 1; id; self::own(id); Money::new(1); Some(1);
         #[flows(allow(nondeterminism))] var(\"A\"); #[flows(allow(nondeterminism))] CONFIG.express;
         ctx.side_effect(|| var(\"A\")).await?; at.elapsed(1); Duration::MAX; Color::RED; u64::MAX;
         fn temp_dir() {} temp_dir(); const LIMIT: u64 = 1; LIMIT; MAX(1); unsafe { own(COUNT) };",
        &expect![""],
    );
}

#[track_caller]
fn check(body: &str, expected: &Expect) {
    expected.assert_eq(&findings("", body));
}

/// Nothing to say about it.
#[track_caller]
fn fine(params: &str, body: &str) {
    assert_eq!(findings(params, body), "", "{body}");
}

#[test]
fn what_a_body_names() {
    check(
        "let a = std::time::SystemTime::now(); f(&Utc::now(), Uuid::new_v4);
         let b = rand::random::<u64>() + std::env::var(\"B\")?.len();",
        &expect![[r#"
            `std::time::SystemTime::now` reads this machine's clock
            `Utc::now` reads this machine's clock
            `Uuid::new_v4` makes a new id
            `rand::random` gives random values
            `std::env::var` asks the machine that happens to run this
        "#]],
    );
}

#[test]
fn imports_of_the_body_are_followed() {
    check(
        "use std::{env, fs::{self, File as F}, time::SystemTime as Clock};
         use rand::{random, *};
         Clock::now(); random::<u8>(); env::temp_dir(); fs::soft_link(a, b); F::options();",
        &expect![[r#"
            `Clock::now` (`std::time::SystemTime::now`) reads this machine's clock
            `random` (`rand::random`) gives random values
            `env::temp_dir` (`std::env::temp_dir`) asks the machine that happens to run this
            `fs::soft_link` (`std::fs::soft_link`) touches files
            `F::options` (`std::fs::File::options`) touches files
        "#]],
    );
    check(
        "{ use rand::random; } random(); { random(); use rand::random; }",
        &expect![[r#"
            `random` (`rand::random`) gives random values
        "#]],
    );
}

#[test]
fn inside_of_macros() {
    check(
        "info!(at = %Utc::now(), id = ?uuid::Uuid::new_v4(), \"{}\", thread_rng().next());
         own!(a b => [SystemTime::now()]; .OsRng; c: Utc); format!(\"{a}\", a = std::env::var(\"A\"));
         matches!(std::fs::read(x), Ok(_) if std::fs::exists(y)); vec![{ let a = rand::rng(); a }; 2];
         flows::join!(a(ctx), async { tokio::spawn(b) });
         flows::select! { now = ctx.sleep(a) => Utc::now(), _ = Utc::now() => now }",
        &expect![[r#"
            `Utc::now` reads this machine's clock
            `uuid::Uuid::new_v4` makes a new id
            `thread_rng` gives random values
            `SystemTime::now` reads this machine's clock
            `std::env::var` asks the machine that happens to run this
            `std::fs::read` touches files
            `std::fs::exists` touches files
            `rand::rng` gives random values
            `tokio::spawn` starts a task that nobody records
            `Utc::now` reads this machine's clock
            `Utc::now` reads this machine's clock
        "#]],
    );
}

#[test]
fn foreign_macros() {
    check(
        "tokio::select! { a = b => c, _ = tokio::time::sleep(d) => {} }
         #[flows(allow(nondeterminism))] futures::join!(a, b);
         use futures_util::select_biased as pick; pick! { a = b => c, default => d }
         sqlx::query!(\"SELECT 1\"); stringify!(Utc::now());",
        &expect![[r#"
            `tokio::select!` polls in an order that nobody records
            `tokio::time::sleep` starts a timer that ends with this process
            `futures::join!` polls in an order that nobody records
            `futures_util::select_biased!` polls in an order that nobody records
            `sqlx::query!` talks to a database
        "#]],
    );
}

#[test]
fn maps_and_sets() {
    check(
        "let map: HashMap<_, _> = f(); let set = std::collections::HashSet::<u8>::with_capacity(1);
         for (k, v) in &map {} for x in (set) {}
         map.iter(); (&mut map).values_mut(); set.union(&other); map.clone().into_keys();
         let again = map.clone(); again.keys();
         let built = a.iter().map(f).collect::<Result<HashMap<_, _>>>()?; built.drain();
         HashMap::from([(1, 2)]).into_iter().map(f);
         |m: &HashMap<u8, u8>| m.retain(g); Vec::from_iter(set); BTreeSet::from_iter(set);
         serde_json::to_string(&map); names.chain(&set); serde_json::to_value(&map);
         use std::collections::HashMap as Table; Table::new().iter();
         let mut list = vec![1]; list.extend(&set); let deque: VecDeque<_> = f(); deque.extend(map);",
        &expect![[r#"
            a loop over a `HashMap` has another order in every process
            a loop over a `HashSet` has another order in every process
            `iter` of a `HashMap` has another order in every process
            `values_mut` of a `HashMap` has another order in every process
            `union` of a `HashSet` has another order in every process
            `into_keys` of a `HashMap` has another order in every process
            `keys` of a `HashMap` has another order in every process
            `drain` of a `HashMap` has another order in every process
            `into_iter` of a `HashMap` has another order in every process
            `retain` of a `HashMap` has another order in every process
            `Vec::from_iter` of a `HashSet` has another order in every process
            `serde_json::to_string` of a `HashMap` has another order in every process
            `chain` of a `HashSet` has another order in every process
            `iter` of a `HashMap` has another order in every process
            `extend` of a `HashSet` has another order in every process
            `extend` of a `HashMap` has another order in every process
        "#]],
    );
}

#[test]
fn maps_whose_order_is_forgotten() {
    let params = "map: HashMap<String, u64>, set: &HashSet<u8>";
    fine(
        params,
        "map.get(&a); map.insert(b, c); map.len(); map[\"a\"]; map.entry(d); set.contains(&1);
         let total: u64 = map.values().sum(); map.keys().filter(f).count(); set.iter().max();
         if map.values().any(|v| *v > 1) {}
         let mut keys: Vec<_> = map.keys().cloned().collect(); other(); keys.sort();
         let mut pairs = map.iter().collect::<Vec<_>>(); pairs.sort_by_key(|p| p.0);
         for key in map.keys().sorted_unstable() {}
         let sorted: BTreeMap<_, _> = map.clone().into_iter().collect();
         for x in set.iter().collect::<BTreeSet<_>>() {} BTreeMap::from_iter(map.iter());
         let mut list = Vec::new(); list.extend(set); list.sort(); list.extend(map.keys()); list.sort();
         let mut all = HashSet::new(); all.extend(set); let mut ordered = BTreeSet::new(); ordered.extend(set);",
    );
    let shown = findings(
        params,
        "let keys: Vec<_> = map.keys().collect(); use_them(&keys); keys.sort();
         let sorted: BTreeMap<_, _> = f(map.iter()).collect();
         map.values().map(|v| set.iter().next()).sum();",
    );
    expect![[r#"
        `keys` of a `HashMap` has another order in every process
        `iter` of a `HashMap` has another order in every process
        `iter` of a `HashSet` has another order in every process
    "#]]
    .assert_eq(&shown);
}

#[test]
fn maps_that_are_none() {
    fine(
        "map: HashMap<u8, u8>, fast: HashMap<u8, u8, Fixed>, maybe: Option<HashMap<u8, u8>>",
        "fast.iter(); maybe.iter(); for x in &fast {} vec.iter(); order.map.iter();
         let map = BTreeMap::from(x); map.iter();
         { let maybe = HashMap::new(); } maybe.iter();
         if let Some(fast) = maybe { fast.iter(); } for map in maps { map.iter(); }
         |map| map.iter(); match x { map => map.iter() }; struct HashMap; HashMap::new().iter();",
    );
}

#[test]
fn clocks_by_type() {
    check(
        "let began = ctx.now(); began.elapsed(); (began - HOUR).elapsed(); ctx.now().elapsed();
         |at: SystemTime| at.elapsed(); let a = Instant::now(); a.elapsed(); Instant::now().elapsed();
         span.elapsed(); let began = span; began.elapsed();",
        &expect![[r#"
            `elapsed` reads this machine's clock
            `elapsed` reads this machine's clock
            `elapsed` reads this machine's clock
            `elapsed` reads this machine's clock
            `Instant::now` reads this machine's clock
            `elapsed` reads this machine's clock
            `Instant::now` reads this machine's clock
        "#]],
    );
}

#[test]
fn names_of_ones_own() {
    fine(
        "env: Env, random: u8, clock: Clock",
        "clock.now(); Clock::now(); self.now(); now(); File { name }; File::new(a);
         let env = load(); env.var(\"a\"); config::env::var(a); crate::env::var(b);
         crate::time::SystemTime::now(); fs.read(); random; random(1); model::File::open(c);
         spawn(ctx, a).await?; sleep(b); Command::new(c); reqwest::StatusCode::OK;
         tokio::time::Duration::from_secs(1); std::net::IpAddr::V4(d); Uuid::new_v5(&e, f); File::create(c); Notify::new(); Timestamp::now();
         SystemTime::now(ctx); crate::fs::copy(ctx, a); tokio::spawn(ctx, b);
         let thread_rng = 1; thread_rng + 1; LIMITS.get(0); MAX.min(1);",
    );
    fine(
        "",
        "struct SystemTime; impl SystemTime { fn now() {} } SystemTime::now();
         mod fs { pub fn read() {} } fs::read(); fn thread_rng() {} thread_rng();
         use crate::env; env::var(a);",
    );
}

#[test]
fn what_is_no_workflow_code() {
    fine(
        "",
        "fn inner() { SystemTime::now(); } mod m { fn f() { thread_rng(); } }
         const A: fn() = thread_rng; impl T { fn f() { std::env::var(\"A\"); } }
         static NAMES: &[&str] = &[]; macro_rules! m { () => { Utc::now() } }",
    );
}

#[test]
fn side_effects_are_recorded() {
    check(
        "ctx.side_effect(|| { let a = Uuid::new_v4(); fs::read(a) }).await?;
         ctx.side_effect(Uuid::new_v4).await?; ctx.side_effect(move || rand::random::<u8>()).await?;
         ctx.side_effect(make(Utc::now())); ctx.other(|| Local::now()); Instant::now();",
        &expect![[r#"
            `Utc::now` reads this machine's clock
            `Local::now` reads this machine's clock
            `Instant::now` reads this machine's clock
        "#]],
    );
}

#[test]
fn values_that_runs_share() {
    check(
        "static COUNT: AtomicU64 = AtomicU64::new(0); static mut LAST: u8 = 0;
         thread_local! { static DEPTH: Cell<u8> = Cell::new(0); }
         COUNT.fetch_add(1, Relaxed); crate::CACHE.lock().unwrap().get(&a); NAMES.len();
         unsafe { crate::TOTAL }; unsafe { next(); ROUNDS[0].1 += 1; } let last = &mut unsafe { next(&raw mut FIRST) };
         unsafe { next(LIMIT); *pointer = LIMIT }; let LIMIT = 1; LIMIT += 1;",
        &expect![[r#"
            `COUNT` is shared by all runs of this process and lost with it
            `LAST` is shared by all runs of this process and lost with it
            `thread_local!` is shared by all runs of this process and lost with it
            `CACHE` is shared by all runs of this process and lost with it
            `TOTAL` is shared by all runs of this process and lost with it
            `ROUNDS` is shared by all runs of this process and lost with it
            `FIRST` is shared by all runs of this process and lost with it
        "#]],
    );
}

#[test]
fn work_that_is_given_away_is_one_finding() {
    check(
        "tokio::spawn(async move { tokio::time::sleep(a).await; fs::read(b) });
         std::thread::spawn(|| Utc::now()); spawn(async { rand::rng() }); pool.spawn_blocking(f);
         tokio::task::yield_now().await; std::thread::sleep(c);",
        &expect![[r#"
            `tokio::spawn` starts a task that nobody records
            `std::thread::spawn` uses threads
            `spawn` starts a task that nobody records
            `spawn_blocking` works on other threads
            `tokio::task::yield_now` lets other tasks go first
            `std::thread::sleep` stops the worker's thread
        "#]],
    );
}

#[test]
fn what_is_allowed() {
    fine(
        "map: HashMap<u8, u8>",
        "#[flows(allow(nondeterminism))] let a = Utc::now();
         #[flows(allow(nondeterminism))] Utc::now();
         #[flows(allow(nondeterminism))] last = Utc::now();
         #[flows(allow(nondeterminism))] for x in &map { Uuid::new_v4(); }
         #[flows(allow(nondeterminism))] if a { Utc::now(); } else { Local::now(); }
         #[flows(allow(nondeterminism))] let b = async { tokio::spawn(async { Utc::now() }) };
         #[flows(allow(nondeterminism))] info!(\"{}\", Utc::now());
         vec![{ #[flows(allow(nondeterminism))] let a = Utc::now(); a }];
         flows::select! { _ = x => { #[flows(allow(nondeterminism))] Utc::now() } }
         #[flows(allow(nondeterminism))] Utc::now()",
    );
    check(
        "#[flows(allow(nondeterminism))] let a = 1; #[flows(allow(nondeterminism))] { Utc::now(); }
         #[flows(allow(nondeterminism))]
         if a { #[flows(allow(nondeterminism))] Utc::now(); } Utc::now();",
        &expect![[r#"
            nothing in this statement is rejected
            nothing in this statement is rejected
            `Utc::now` reads this machine's clock
        "#]],
    );
    check(
        "#[flows(allow(nondeterminsm))] a; #[flows(alow(nondeterminism))] b; #[flows] c;
         #[flows(allow)] d; #[flows(allow())] e; #[flows = 1] g;
         f(#[flows(allow(nondeterminism))] Utc::now()); #[flows(alow)] Utc::now();
         match a { #[flows(allow(nondeterminism))] b => c }",
        &expect![[r#"
            unknown key `nondeterminsm` of `allow(…)`; did you mean `nondeterminism`?
            unknown key `alow` of `#[flows(…)]`; did you mean `allow`?
            `#[flows]` says nothing: write `#[flows(allow(nondeterminism))]`
            `allow` takes what to allow: write `#[flows(allow(nondeterminism))]`
            `allow()` allows nothing: write `#[flows(allow(nondeterminism))]`
            `#[flows]` says nothing: write `#[flows(allow(nondeterminism))]`
            `#[flows(…)]` goes on a statement of workflow code, and allows what that one does
            `Utc::now` reads this machine's clock
            unknown key `alow` of `#[flows(…)]`; did you mean `allow`?
            `#[flows(…)]` goes on a statement of workflow code, and allows what that one does
        "#]],
    );
}

/// The help speaks of the context by its name in the function.
#[test]
fn the_context_has_the_users_name() {
    let source = "async fn f(cx: &WorkflowContext) { Instant::now(); }";
    let mut item: ItemFn = syn::parse_str(source).expect("a function");
    let messages = super::messages(
        lint::function(&mut item, true, &syn::parse_quote!(::flows)).errors.expect("a finding"),
    );
    assert!(
        messages[0].contains("`cx.now()`") && messages[0].contains("`cx.timeout("),
        "{messages:?}"
    );
}
