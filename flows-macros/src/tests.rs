//! Golden expansions: `tests/expand` shows what small items become. `UPDATE_EXPECT=1` accepts new
//! ones.

mod arguments;
mod fallback;
mod lint;
mod rewrite;

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use syn::{Item, LitStr};

use crate::{definition, durable, join, register, select, signal, update};

type Attribute = fn(TokenStream, TokenStream) -> TokenStream;

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

/// As people would write it.
fn pretty(items: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(items).expect("items"))
}

/// The messages of `compile_error!` items.
fn messages(errors: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(errors).expect("compile_error! items");
    let message = |item: &Item| match item {
        Item::Macro(call) => call.mac.parse_body::<LitStr>().expect("a message").value(),
        _ => String::new(),
    };
    file.items.iter().map(message).collect()
}

#[track_caller]
fn check(expand: Attribute, args: &str, item: &str, golden: &ExpectFile) {
    let expanded = pretty(expand(tokens(args), tokens(item)));
    let shown = item.trim().lines().map(|line| format!("//! {line}\n")).collect::<String>();
    let about = format!("//! Expansion, with arguments `{args}`, of\n//!\n//! ```text\n");
    golden.assert_eq(&format!("{about}{shown}//! ```\n\n{expanded}"));
}

#[test]
fn activity() {
    check(
        definition::activity,
        "retry(max_attempts = 5, initial_interval = \"200ms\"), start_to_close = \"30s\"",
        "
/// Charges a customer.
pub async fn charge(ctx: &ActivityContext, customer: String, mut cents: u64) -> Result<Receipt> {
    cents += ctx.state::<Gateway>()?.fee;
    Ok(Receipt { customer, cents })
}",
        &expect_file!["../tests/expand/activity.rs"],
    );
}

#[test]
fn a_test() {
    check(
        crate::test::expand,
        "",
        "
/// It ships.
#[should_panic]
async fn ships(env: TestEnv) {
    env.start(order::Input {}).await?;
}",
        &expect_file!["../tests/expand/test.rs"],
    );
}

#[test]
fn a_test_on_both_stores() {
    check(
        crate::test::expand,
        "postgres",
        "
/// It ships.
#[ignore]
async fn ships(env: TestEnv) -> Result<()> {
    env.start(order::Input {}).await?;
    Ok(())
}",
        &expect_file!["../tests/expand/test_on_both.rs"],
    );
}

#[test]
fn transaction() {
    check(
        definition::activity,
        "transaction, name = \"debit-v2\", codec = \"postcard\"",
        "
async fn debit(tx: &Transaction<'_>, #[serde(default)] cents: i64) -> Result<i64, LedgerError> {
    tx.execute(\"UPDATE account SET cents = cents - $1\", &[&cents]).await?;
    Ok(cents)
}",
        &expect_file!["../tests/expand/transaction.rs"],
    );
}

#[test]
fn workflow() {
    check(
        definition::workflow,
        "version = 2, timeout = \"2d\"",
        "
/// Ships an order.
#[cfg(feature = \"orders\")]
pub(crate) async fn order(ctx: &WorkflowContext, customer: String) -> Result<u64> {
    let charged = charge(ctx, customer.clone(), 100).await?;
    let (shipped, _) = flows::try_join!(ship(ctx, charged), async { email(ctx, customer).await })?;
    Ok(shipped)
}",
        &expect_file!["../tests/expand/workflow.rs"],
    );
}

#[test]
fn durable_helper() {
    check(
        durable::expand,
        "",
        "
async fn longest<'a, T: Display>(ctx: &WorkflowContext, names: &'a [T]) -> Result<&'a T> {
    ctx.sleep(SECOND).await?;
    names.first().ok_or_else(none)
}",
        &expect_file!["../tests/expand/durable.rs"],
    );
}

#[test]
fn update_type() {
    check(
        update::expand,
        "response = Vec<(u32, String)>",
        "
pub struct AddItem {
    item: String,
}",
        &expect_file!["../tests/expand/update.rs"],
    );
}

#[test]
fn signal_type() {
    check(
        signal::expand,
        "",
        "
#[derive(Debug)]
pub struct WarehouseReady {
    available: bool,
}",
        &expect_file!["../tests/expand/signal.rs"],
    );
}

#[test]
fn calls() {
    let expressions = [
        ("join", join::expand("join", tokens("a(ctx), b(ctx),"))),
        ("try_join", join::expand("try_join", tokens("@ crate::library; a(ctx)"))),
        ("select", select::expand(tokens("x = a(ctx) => x?, _ = b(ctx) => { continue }"))),
        ("register_all", register::expand(tokens("order, shipping::ship,"))),
        ("everything", register::expand(TokenStream::new())),
    ];
    let functions = expressions.into_iter().map(|(name, expression)| {
        let name = quote::format_ident!("{name}");
        quote::quote!(async fn #name() { #expression })
    });
    let golden = expect_file!["../tests/expand/calls.rs"];
    let expanded = pretty(functions.collect());
    golden.assert_eq(&format!("//! Expansions of the function-like macros.\n\n{expanded}"));
}

/// What every definition costs a build, in lines as people would write them: serde's derives, which are
/// long, are not among them, and `std`'s are the three of a unit struct.
#[test]
fn a_definition_expands_to_few_lines() {
    let activity = definition::activity(
        TokenStream::new(),
        tokens(
            "async fn pay(ctx: &ActivityContext, to: String, cents: u64, lines: Vec<Line>) -> Result<u64> { Ok(cents) }",
        ),
    );
    let workflow = definition::workflow(
        TokenStream::new(),
        tokens(
            "async fn order(ctx: &WorkflowContext, to: String, lines: Vec<Line>) -> Result<u64> { Ok(1) }",
        ),
    );
    for (expanded, most) in [(activity, 136), (workflow, 154)] {
        let text = pretty(expanded);
        let lines = text.lines().count();
        assert!(lines <= most, "{lines} lines, and the most is {most}:\n{text}");
        let derives: Vec<_> = text.lines().filter(|line| line.contains("#[derive")).collect();
        assert_eq!(derives, ["    #[derive(Clone, Copy, Debug)]"]);
    }
}
