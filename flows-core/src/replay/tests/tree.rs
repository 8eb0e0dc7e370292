//! Workflows as data: trees of operations and combinators, built while they run.
//!
//! The one workflow here interprets its input, so that a test can make up any workflow it likes. It
//! comes in two builds: the one that asks for patches, and the one before it, which knows none.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::Pin;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::children::{leave_alone, pack};
use super::script::{charge, ship};
use crate::combinators::{
    Select2, join, join_all, map_concurrent, race, select, stream_concurrent, try_join,
    try_join_all,
};
use crate::context::WorkflowContext;
use crate::definition::{SourceLocation, Workflow, WorkflowInput};
use crate::durable::{Durable, block};
use crate::error::Result;

/// How many ids of patches there are.
const PATCHES: u8 = 2;

/// How many names of signals there are.
pub(super) const SIGNALS: u8 = 3;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Node {
    Charge,
    Ship,
    Sleep(u8),
    Signal(u8),
    TrySignal(u8),
    SideEffect(u8),
    Random,
    Now,
    Child,
    /// A child that is started and that nobody waits for.
    Forgotten,
    /// A child that goes on by itself.
    Detached,
    Cancelled,
    /// An activity is started before what is inside, and awaited behind it or dropped.
    Started(Box<Node>, bool),
    /// A signal is waited for from before what is inside, and awaited behind it or dropped.
    Waiting(u8, Box<Node>, bool),
    Sequence(Vec<Node>),
    Join(Box<(Node, Node)>),
    TryJoin(Box<(Node, Node)>),
    JoinAll(Vec<Node>),
    TryJoinAll(Vec<Node>),
    /// So many at once, and one more.
    MapConcurrent(u8, Vec<Node>),
    /// The same, and something between two outputs.
    StreamConcurrent(u8, Vec<Node>, Box<Node>),
    Select(Box<(Node, Node)>),
    Race(Vec<Node>),
    Timeout(u8, Box<Node>),
    Shield(Box<Node>),
    /// The second may be faster, and the first goes on waiting: it is awaited behind it or dropped.
    Outrun(Box<(Node, Node)>, bool),
    /// An error is a value like any other.
    Caught(Box<Node>),
    /// What a run does that takes part in a change, and what others do.
    Patched(u8, Box<(Node, Node)>),
}

/// The input of the workflow that interprets a tree.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Tree<const PATCHED: bool> {
    pub(super) root: Node,
}

/// The workflow that interprets a tree, in one of two builds.
pub(super) struct Interpreter<const PATCHED: bool>;

thread_local! {
    static GROWN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// The kinds of nodes that have grown on this thread since this was asked.
pub(super) fn grown() -> BTreeSet<&'static str> {
    GROWN.take()
}

impl Node {
    fn kind(&self) -> &'static str {
        match self {
            Self::Charge | Self::Ship => "activity",
            Self::Sleep(_) => "sleep",
            Self::Signal(_) => "signal",
            Self::TrySignal(_) => "try_signal",
            Self::SideEffect(_) => "side_effect",
            Self::Random => "random",
            Self::Now => "now",
            Self::Child => "child",
            Self::Forgotten => "forgotten child",
            Self::Detached => "detached child",
            Self::Cancelled => "cancelled",
            Self::Started(..) => "started",
            Self::Waiting(..) => "waiting",
            Self::Sequence(_) => "sequence",
            Self::Join(_) => "join",
            Self::TryJoin(_) => "try_join",
            Self::JoinAll(_) => "join_all",
            Self::TryJoinAll(_) => "try_join_all",
            Self::MapConcurrent(..) => "map_concurrent",
            Self::StreamConcurrent(..) => "stream_concurrent",
            Self::Select(_) => "select",
            Self::Outrun(..) => "select over a borrowed future",
            Self::Race(_) => "race",
            Self::Timeout(..) => "timeout",
            Self::Shield(_) => "shield",
            Self::Caught(_) => "caught",
            Self::Patched(..) => "patched",
        }
    }
}

/// What a tree grows in.
struct Garden {
    ctx: WorkflowContext,
    patched: bool,
}

impl std::ops::Deref for Garden {
    type Target = WorkflowContext;

    fn deref(&self) -> &WorkflowContext {
        &self.ctx
    }
}

impl<const PATCHED: bool> WorkflowInput for Tree<PATCHED> {
    type Workflow = Interpreter<PATCHED>;
}

impl<const PATCHED: bool> Workflow for Interpreter<PATCHED> {
    const NAME: &'static str = "tree";
    const VERSION: u32 = 1;
    const SOURCE: SourceLocation = SourceLocation { file: file!(), line: line!() };
    type Input = Tree<PATCHED>;
    type Output = u64;

    async fn run(ctx: WorkflowContext, input: Self::Input) -> Result<u64> {
        grow(&Garden { ctx, patched: PATCHED }, &input.root).await
    }
}

pub(super) type Branch<'a> = Pin<Box<dyn Durable<Output = Result<u64>> + Send + 'a>>;

/// The future of a node.
fn grow<'a>(ctx: &'a Garden, node: &'a Node) -> Branch<'a> {
    GROWN.with_borrow_mut(|grown| grown.insert(node.kind()));
    match node {
        Node::Charge => Box::pin(charge(ctx, 1)),
        Node::Ship => Box::pin(ship(ctx, 2)),
        Node::Signal(name) => Box::pin(ctx.signal(&name.to_string())),
        Node::SideEffect(value) => Box::pin(ctx.side_effect(move || u64::from(*value))),
        Node::Timeout(limit, inner) => Box::pin(ctx.timeout(seconds(*limit), grow(ctx, inner))),
        Node::Shield(inner) => Box::pin(ctx.shield(grow(ctx, inner))),
        Node::Race(nodes) => Box::pin(race(all(ctx, nodes))),
        other => Box::pin(block(grow_block(ctx, other))),
    }
}

async fn grow_block(ctx: &Garden, node: &Node) -> Result<u64> {
    match node {
        Node::Sleep(length) => ctx.sleep(seconds(*length)).await.map(|()| 3),
        Node::TrySignal(name) => Ok(ctx.try_signal::<u64>(&name.to_string())?.unwrap_or(4)),
        Node::Random => Ok(ctx.random::<u32>().into()),
        Node::Now => Ok(ctx.now().duration_since(std::time::UNIX_EPOCH)?.as_secs()),
        Node::Child => Ok(pack(ctx).await?.as_u64().unwrap_or(5)),
        Node::Forgotten => {
            drop(pack(ctx).start());
            Ok(13)
        }
        Node::Detached => {
            leave_alone(ctx).detach();
            Ok(16)
        }
        Node::Cancelled => {
            ctx.cancelled().await;
            Ok(6)
        }
        Node::Patched(id, ways) => {
            let takes_part = ctx.patched && ctx.patched(&id.to_string());
            grow(ctx, if takes_part { &ways.0 } else { &ways.1 }).await
        }
        Node::Caught(inner) => Ok(grow(ctx, inner).await.unwrap_or_else(|error| said(&error))),
        Node::Started(inner, kept) => {
            let early = charge(ctx, 7).start();
            around(early, grow(ctx, inner), *kept).await
        }
        Node::Waiting(name, inner, kept) => {
            let early = ctx.signal(&name.to_string());
            around(early, grow(ctx, inner), *kept).await
        }
        several => grow_several(ctx, several).await,
    }
}

async fn grow_several(ctx: &Garden, node: &Node) -> Result<u64> {
    match node {
        Node::Sequence(nodes) => {
            let mut total = 8;
            for node in nodes {
                total = mix(total, grow(ctx, node).await?);
            }
            Ok(total)
        }
        Node::Join(pair) => {
            let (a, b) = join((grow(ctx, &pair.0), grow(ctx, &pair.1))).await;
            Ok(mix(a?, b?))
        }
        Node::TryJoin(pair) => {
            let (a, b) = try_join((grow(ctx, &pair.0), grow(ctx, &pair.1))).await?;
            Ok(mix(a, b))
        }
        Node::Select(pair) => match select((grow(ctx, &pair.0), grow(ctx, &pair.1))).await {
            Select2::_0(a) => Ok(mix(9, a?)),
            Select2::_1(b) => Ok(mix(10, b?)),
        },
        Node::Outrun(pair, kept) => {
            let mut first = grow(ctx, &pair.0);
            match select((&mut first, grow(ctx, &pair.1))).await {
                Select2::_0(a) => Ok(mix(14, a?)),
                Select2::_1(b) if *kept => Ok(mix(first.await?, b?)),
                Select2::_1(b) => Ok(mix(15, b?)),
            }
        }
        Node::JoinAll(nodes) => {
            let results = join_all(all(ctx, nodes)).await;
            results.into_iter().try_fold(11, |total, result| Ok(mix(total, result?)))
        }
        Node::TryJoinAll(nodes) => {
            Ok(try_join_all(all(ctx, nodes)).await?.into_iter().fold(12, mix))
        }
        several => grow_some_at_once(ctx, several).await,
    }
}

async fn grow_some_at_once(ctx: &Garden, node: &Node) -> Result<u64> {
    match node {
        Node::MapConcurrent(limit, nodes) => {
            let mapped = map_concurrent(nodes, usize::from(*limit) + 1, |node| grow(ctx, node));
            Ok(mapped.await?.into_iter().fold(17, mix))
        }
        Node::StreamConcurrent(limit, nodes, between) => {
            let limit = usize::from(*limit) + 1;
            let (mut stream, mut total) =
                (stream_concurrent(nodes, limit, |node| grow(ctx, node)), 18);
            while let Some(result) = stream.next().await {
                total = mix(total, result?);
                total = mix(total, grow(ctx, between).await?);
            }
            Ok(total)
        }
        leaf => unreachable!("{leaf:?} is no combinator"),
    }
}

/// Awaits what is inside, and then what was begun before it, or drops that.
async fn around(
    early: impl Future<Output = Result<u64>>,
    inner: Branch<'_>,
    kept: bool,
) -> Result<u64> {
    let inner = inner.await;
    if !kept {
        return inner;
    }
    Ok(mix(early.await?, inner?))
}

fn all<'a>(ctx: &'a Garden, nodes: &'a [Node]) -> Vec<Branch<'a>> {
    nodes.iter().map(|node| grow(ctx, node)).collect()
}

fn seconds(number: u8) -> std::time::Duration {
    std::time::Duration::from_secs(number.into())
}

/// Order matters, so results that were swapped show.
fn mix(total: u64, value: u64) -> u64 {
    total.wrapping_mul(31).wrapping_add(value) % (1 << 50)
}

fn said(error: &crate::error::Error) -> u64 {
    crate::ids::fnv1a(error.message().bytes()) % (1 << 50)
}

/// Any few trees, one after another; most of them whether those before end well or not.
pub(super) fn any_trees() -> impl Strategy<Value = Node> {
    let tree = prop_oneof![
        4 => any_tree().prop_map(|tree| Node::Caught(Box::new(tree))),
        1 => any_tree(),
    ];
    proptest::collection::vec(tree, 1..5).prop_map(Node::Sequence)
}

/// Any tree of some sixty nodes.
fn any_tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(5, 60, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let pair = (inner.clone(), inner.clone()).prop_map(Box::new);
        let several = proptest::collection::vec(inner, 1..4);
        prop_oneof![
            4 => several.clone().prop_map(Node::Sequence),
            1 => pair.clone().prop_map(Node::Join),
            1 => pair.clone().prop_map(Node::TryJoin),
            1 => several.clone().prop_map(Node::JoinAll),
            1 => several.clone().prop_map(Node::TryJoinAll),
            1 => (0..3_u8, several.clone())
                .prop_map(|(limit, nodes)| Node::MapConcurrent(limit, nodes)),
            1 => (0..3_u8, several.clone(), boxed.clone())
                .prop_map(|(limit, nodes, between)| Node::StreamConcurrent(limit, nodes, between)),
            2 => pair.clone().prop_map(Node::Select),
            1 => (pair.clone(), any::<bool>()).prop_map(|(pair, kept)| Node::Outrun(pair, kept)),
            2 => (0..PATCHES, pair).prop_map(|(id, ways)| Node::Patched(id, ways)),
            1 => several.prop_map(Node::Race),
            2 => (0..90_u8, boxed.clone()).prop_map(|(limit, inner)| Node::Timeout(limit, inner)),
            1 => boxed.clone().prop_map(Node::Shield),
            2 => boxed.clone().prop_map(Node::Caught),
            1 => (boxed.clone(), any::<bool>()).prop_map(|(inner, kept)| Node::Started(inner, kept)),
            2 => (0..SIGNALS, boxed, any::<bool>())
                .prop_map(|(name, inner, kept)| Node::Waiting(name, inner, kept)),
        ]
    })
}

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        3 => Just(Node::Charge),
        3 => Just(Node::Ship),
        2 => (0..90_u8).prop_map(Node::Sleep),
        4 => (0..SIGNALS).prop_map(Node::Signal),
        1 => (0..SIGNALS).prop_map(Node::TrySignal),
        1 => any::<u8>().prop_map(Node::SideEffect),
        1 => Just(Node::Random),
        1 => Just(Node::Now),
        1 => Just(Node::Child),
        1 => Just(Node::Forgotten),
        1 => Just(Node::Detached),
        1 => Just(Node::Cancelled),
    ]
}
