//! What can stand at a place of a graph, and the word for it in the text form.

use crate::named::named;

named! {
    /// The kind of a [`Node`](super::Node).
    pub enum Kind {
        /// A call that gets the context; what it calls is not known yet.
        Call = "call",
        /// The same, of a method.
        Method = "call",
        /// A call of an activity.
        Activity = "activity",
        /// A call of a workflow: a child.
        Child = "child",
        /// A call of a helper whose body is known, and stands inside.
        Helper = "helper",
        /// A helper that calls itself.
        Again = "again",
        /// `ctx.sleep(..)`.
        Sleep = "sleep",
        /// `ctx.sleep_until(..)`.
        SleepUntil = "sleep_until",
        /// `ctx.signal(name)`; the label is the name in quotes, or the expression that gives it.
        Signal = "signal",
        /// `ctx.try_signal(name)`.
        TrySignal = "try_signal",
        /// `ctx.receive::<Type>()`, where the name of the signal is not known.
        Receive = "receive",
        /// `ctx.update::<Type>()`; the label is the name of the update in quotes, or the type where that is not known.
        Update = "update",
        /// `ctx.try_update::<Type>()`.
        TryUpdate = "try_update",
        /// `ctx.side_effect(..)`.
        SideEffect = "side_effect",
        /// `ctx.cancelled()`.
        Cancelled = "cancelled",
        /// `ctx.patched(id)` that is not the condition of an `if`.
        Patched = "patched",
        /// A value from the run's generator: `uuid`, `random`, `rng`. Its place matters at a replay.
        Value = "value",
        /// `ctx.timeout(limit, ..)`, around what it limits.
        Timeout = "timeout",
        /// `ctx.shield(..)`, around what it protects.
        Shield = "shield",
        /// An `async` block.
        Async = "async",
        /// A closure: what it does happens once, often or never.
        Closure = "each",
        /// A block with a label.
        Block = "block",
        /// `if ctx.patched(id)`; its parts are the new code and the old.
        IfPatched = "if patched",
        /// `if`; its parts are then and else.
        If = "if",
        /// `match`; one part for each arm.
        Match = "match",
        /// The `else` of `let … else`.
        LetElse = "let",
        /// `loop`.
        Loop = "loop",
        /// `while`.
        While = "while",
        /// `for`.
        For = "for",
        /// `join!`; one part for each future.
        Join = "join",
        /// `try_join!`; one part for each future.
        TryJoin = "try_join",
        /// `select!`; two parts for each arm, its future and its expression.
        Select = "select",
        /// `join_all`.
        JoinAll = "join_all",
        /// `try_join_all`.
        TryJoinAll = "try_join_all",
        /// `race`.
        Race = "race",
        /// `map_concurrent(.., n, ..)`; the label is `n`.
        MapConcurrent = "map_concurrent",
        /// `stream_concurrent(.., n, ..)`; the label is `n`.
        StreamConcurrent = "stream_concurrent",
        /// `ctx.batch(.., n, ..)`; the label is `n`.
        Batch = "batch",
        /// `saga.run(..)`, around what it does.
        Saga = "saga",
        /// `scope.run(..)` of a `ctx.scope()`, around what it does.
        Scope = "scope",
        /// What undoes a step of a saga; the label is the activity.
        Undo = "undo",
        /// `return`.
        Return = "return",
        /// The `return` of a helper, where the helper's body stands in its caller.
        Leave = "leave",
        /// `break`.
        Break = "break",
        /// `continue`.
        Continue = "continue",
        /// `panic!` and its like.
        Panic = "panic",
        /// `ctx.continue_as_new(..)`.
        ContinueAsNew = "continue_as_new",
    }
}

impl Kind {
    /// The word that a line of the text form begins with.
    pub fn word(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// Whether the code goes no further here.
    pub fn is_end(self) -> bool {
        use Kind::{Break, Continue, ContinueAsNew, Leave, Panic, Return};
        matches!(self, Return | Leave | Break | Continue | Panic | ContinueAsNew)
    }

    /// What the resolved text form may begin a line with, and the words; `if patched` comes before `if`.
    #[cfg(feature = "testing")]
    pub(crate) fn written() -> impl Iterator<Item = (Self, &'static str)> {
        let is_resolved = |(kind, _): &(Self, &str)| !matches!(kind, Self::Method | Self::Helper);
        Self::NAMES.iter().copied().filter(is_resolved)
    }

    /// Whether it stands for an operation, or for a value whose place matters: not only for the way
    /// to one.
    pub fn is_step(self) -> bool {
        use Kind::{
            Activity, Again, Call, Cancelled, Child, Method, Patched, Receive, SideEffect, Signal,
            Sleep, SleepUntil, Timeout, TrySignal, TryUpdate, Update, Value,
        };
        let call = matches!(self, Call | Method | Activity | Child | Again);
        let wait = matches!(self, Sleep | SleepUntil | Timeout | Cancelled);
        let receive = matches!(self, Signal | TrySignal | Receive | Update | TryUpdate);
        call || wait || receive || matches!(self, SideEffect | Patched | Value)
    }
}
