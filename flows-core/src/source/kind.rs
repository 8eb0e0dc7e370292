//! What can stand at a place of a graph, and the word for it in the text form.

/// The kind of a [`Node`](super::Node).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A call that gets the context; what it calls is not known yet.
    Call,
    /// The same, of a method.
    Method,
    /// A call of an activity.
    Activity,
    /// A call of a workflow: a child.
    Child,
    /// A call of a helper whose body is known, and stands inside.
    Helper,
    /// A helper that calls itself.
    Again,
    /// `ctx.sleep(..)`.
    Sleep,
    /// `ctx.sleep_until(..)`.
    SleepUntil,
    /// `ctx.signal(name)`; the label is the name in quotes, or the expression that gives it.
    Signal,
    /// `ctx.try_signal(name)`.
    TrySignal,
    /// `ctx.receive::<Type>()`, where the name of the signal is not known.
    Receive,
    /// `ctx.update(name)`.
    Update,
    /// `ctx.side_effect(..)`.
    SideEffect,
    /// `ctx.cancelled()`.
    Cancelled,
    /// `ctx.patched(id)` that is not the condition of an `if`.
    Patched,
    /// A value from the run's generator: `uuid`, `random`, `rng`. Its place matters at a replay.
    Value,
    /// `ctx.timeout(limit, ..)`, around what it limits.
    Timeout,
    /// `ctx.shield(..)`, around what it protects.
    Shield,
    /// An `async` block.
    Async,
    /// A closure: what it does happens once, often or never.
    Closure,
    /// A block with a label.
    Block,
    /// `if`; its parts are then and else.
    If,
    /// `if ctx.patched(id)`; its parts are the new code and the old.
    IfPatched,
    /// `match`; one part for each arm.
    Match,
    /// The `else` of `let … else`.
    LetElse,
    /// `loop`.
    Loop,
    /// `while`.
    While,
    /// `for`.
    For,
    /// `join!`; one part for each future.
    Join,
    /// `try_join!`; one part for each future.
    TryJoin,
    /// `select!`; two parts for each arm, its future and its expression.
    Select,
    /// `join_all`.
    JoinAll,
    /// `try_join_all`.
    TryJoinAll,
    /// `race`.
    Race,
    /// `map_concurrent(.., n, ..)`; the label is `n`.
    MapConcurrent,
    /// `stream_concurrent(.., n, ..)`; the label is `n`.
    StreamConcurrent,
    /// `saga.run(..)`, around what it does.
    Saga,
    /// What undoes a step of a saga; the label is the activity.
    Undo,
    /// `return`.
    Return,
    /// The `return` of a helper, where the helper's body stands in its caller.
    Leave,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
    /// `panic!` and its like.
    Panic,
    /// `ctx.continue_as_new(..)`.
    ContinueAsNew,
}

impl Kind {
    /// The word that a line of the text form begins with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Call | Self::Method => "call",
            Self::Activity => "activity",
            Self::Child => "child",
            Self::Helper => "helper",
            Self::Again => "again",
            Self::Sleep => "sleep",
            Self::SleepUntil => "sleep_until",
            Self::Signal => "signal",
            Self::TrySignal => "try_signal",
            Self::Receive => "receive",
            Self::Update => "update",
            Self::SideEffect => "side_effect",
            Self::Cancelled => "cancelled",
            Self::Patched => "patched",
            Self::Value => "value",
            Self::Timeout => "timeout",
            Self::Shield => "shield",
            Self::Async => "async",
            Self::Closure => "each",
            Self::Block => "block",
            Self::If => "if",
            Self::IfPatched => "if patched",
            Self::Match => "match",
            Self::LetElse => "let",
            Self::Loop => "loop",
            Self::While => "while",
            Self::For => "for",
            Self::Join => "join",
            Self::TryJoin => "try_join",
            Self::Select => "select",
            Self::JoinAll => "join_all",
            Self::TryJoinAll => "try_join_all",
            Self::Race => "race",
            Self::MapConcurrent => "map_concurrent",
            Self::StreamConcurrent => "stream_concurrent",
            Self::Saga => "saga",
            Self::Undo => "undo",
            Self::Return => "return",
            Self::Leave => "leave",
            Self::Break => "break",
            Self::Continue => "continue",
            Self::Panic => "panic",
            Self::ContinueAsNew => "continue_as_new",
        }
    }

    /// Whether the code goes no further here.
    pub fn is_end(self) -> bool {
        use Kind::{Break, Continue, ContinueAsNew, Leave, Panic, Return};
        matches!(self, Return | Leave | Break | Continue | Panic | ContinueAsNew)
    }

    /// What the resolved text form may begin a line with; `if patched` comes before `if`.
    #[cfg(feature = "testing")]
    pub(crate) const WRITTEN: &'static [Self] = &[
        Self::Call,
        Self::Activity,
        Self::Child,
        Self::Again,
        Self::Sleep,
        Self::SleepUntil,
        Self::Signal,
        Self::TrySignal,
        Self::Receive,
        Self::Update,
        Self::SideEffect,
        Self::Cancelled,
        Self::Patched,
        Self::Value,
        Self::Timeout,
        Self::Shield,
        Self::Async,
        Self::Closure,
        Self::Block,
        Self::IfPatched,
        Self::If,
        Self::Match,
        Self::LetElse,
        Self::Loop,
        Self::While,
        Self::For,
        Self::Join,
        Self::TryJoin,
        Self::Select,
        Self::JoinAll,
        Self::TryJoinAll,
        Self::Race,
        Self::MapConcurrent,
        Self::StreamConcurrent,
        Self::Saga,
        Self::Undo,
        Self::Return,
        Self::Leave,
        Self::Break,
        Self::Continue,
        Self::Panic,
        Self::ContinueAsNew,
    ];

    /// Whether it stands for an operation, or for a value whose place matters: not only for the way
    /// to one.
    pub fn is_step(self) -> bool {
        use Kind::{
            Activity, Again, Call, Cancelled, Child, Method, Patched, Receive, SideEffect, Signal,
            Sleep, SleepUntil, Timeout, TrySignal, Update, Value,
        };
        let call = matches!(self, Call | Method | Activity | Child | Again);
        let wait = matches!(self, Sleep | SleepUntil | Timeout | Cancelled);
        let mail = matches!(self, Signal | TrySignal | Receive | Update);
        call || wait || mail || matches!(self, SideEffect | Patched | Value)
    }
}
