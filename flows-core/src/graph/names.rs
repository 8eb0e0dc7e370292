//! Who a call site means: definitions, helpers and signals by the path of their source.
//!
//! A guess, as any look-up by name without a compiler: imports under another name are not found,
//! and of several that fit equally well none is taken.

use super::Graph;
use crate::definition::{ActivityDef, WorkflowDef};
use crate::registry::Registry;

/// The graph of a `#[durable]` helper, submitted by its macro.
pub struct HelperGraph(pub Graph);

inventory::collect!(HelperGraph);

/// A `#[signal]` type, submitted by its macro.
#[derive(Clone, Copy)]
pub struct SignalEntry {
    /// The type, with its module.
    pub path: &'static str,
    /// The signal's name.
    pub name: &'static str,
    /// The shape of the payload.
    pub shape: fn() -> crate::shape::Shape,
}

inventory::collect!(SignalEntry);

impl SignalEntry {
    /// The entry of `S`, which stands at `path`.
    pub const fn of<S: crate::context::Signal>(path: &'static str) -> Self {
        Self { path, name: S::NAME, shape: crate::shape::Shape::of::<S> }
    }
}

/// An `#[update]` type, submitted by its macro.
#[derive(Debug, Clone, Copy)]
pub struct UpdateEntry {
    /// The type, with its module.
    pub path: &'static str,
    /// The update's name.
    pub name: &'static str,
    /// The shape of the request.
    pub request: fn() -> crate::shape::Shape,
    /// The shape of the response.
    pub response: fn() -> crate::shape::Shape,
}

inventory::collect!(UpdateEntry);

impl UpdateEntry {
    /// The entry of `U`, which stands at `path`.
    pub const fn of<U: crate::context::Update>(path: &'static str) -> Self {
        let (request, response) = (
            crate::shape::Shape::of::<U> as fn() -> _,
            crate::shape::Shape::of::<U::Response> as fn() -> _,
        );
        Self { path, name: U::NAME, request, response }
    }
}

/// What a callee turned out to be.
#[derive(Clone, Copy)]
pub(super) enum Callee<'r> {
    Activity(&'r ActivityDef),
    Child(&'r WorkflowDef),
    Helper(Graph),
}

/// Finds a callee, written as `path` in module `home`. A method is never a definition.
pub(super) fn callee<'r>(
    registry: &'r Registry,
    home: &str,
    path: &str,
    is_method: bool,
) -> Option<Callee<'r>> {
    let helpers = inventory::iter::<HelperGraph>.into_iter();
    let helpers = helpers.map(|helper| (helper.0.path, Callee::Helper(helper.0)));
    if is_method {
        return best(home, path, helpers);
    }
    let activities = registry.activities().map(|def| (def.path, Callee::Activity(def)));
    let workflows = registry.workflows().map(|def| (def.graph.path, Callee::Child(def)));
    best(home, path, activities.chain(workflows).chain(helpers))
}

/// Finds a signal type, written as `path` in module `home`.
pub(super) fn signal(home: &str, path: &str) -> Option<SignalEntry> {
    let entries = inventory::iter::<SignalEntry>.into_iter();
    best(home, path, entries.map(|entry| (entry.path, *entry)))
}

/// Finds an update type, written as `path` in module `home`.
pub(super) fn update(home: &str, path: &str) -> Option<UpdateEntry> {
    let entries = inventory::iter::<UpdateEntry>.into_iter();
    best(home, path, entries.map(|entry| (entry.path, *entry)))
}

/// The candidate that fits best, unless two fit equally.
fn best<T: Copy>(
    home: &str,
    path: &str,
    candidates: impl Iterator<Item = (&'static str, T)>,
) -> Option<T> {
    let mut found: Option<((usize, usize), T)> = None;
    let mut tied = false;
    for (candidate, value) in candidates {
        let Some(fit) = fit(home, path, candidate) else { continue };
        match &found {
            Some((best, _)) if *best > fit => {}
            Some((best, _)) if *best == fit => tied = true,
            _ => (found, tied) = (Some((fit, value)), false),
        }
    }
    found.filter(|_| !tied).map(|(_, value)| value)
}

/// How well: segments that agree from the end, and modules shared with the caller.
fn fit(home: &str, path: &str, candidate: &str) -> Option<(usize, usize)> {
    let is_name = |segment: &&str| !["crate", "self", "super", "Self"].contains(segment);
    let written = path.rsplit("::").filter(is_name);
    let agree = written.zip(candidate.rsplit("::")).take_while(|(a, b)| plain(a) == plain(b));
    let agree = agree.count();
    let module = candidate.rsplit_once("::").map_or("", |(module, _)| module);
    let shared = home.split("::").zip(module.split("::")).take_while(|(a, b)| a == b).count();
    let beyond = usize::from(home == module);
    (agree > 0).then_some((agree, 2 * shared + beyond))
}

fn plain(segment: &str) -> &str {
    segment.trim_start_matches("r#")
}

#[cfg(test)]
mod tests {
    use super::best;

    #[track_caller]
    fn check(home: &str, path: &str, candidates: &[&'static str], expected: Option<&str>) {
        let candidates = candidates.iter().map(|candidate| (*candidate, *candidate));
        assert_eq!(best(home, path, candidates), expected);
    }

    #[test]
    fn the_nearest_is_meant() {
        check("app::a", "pay", &["app::a::pay", "app::b::pay"], Some("app::a::pay"));
        check("app::a", "b::pay", &["app::a::pay", "app::b::pay"], Some("app::b::pay"));
        check("app::a", "crate::b::pay", &["app::a::pay", "app::b::pay"], Some("app::b::pay"));
        check("app::a", "super::pay", &["app::pay", "lib::pay"], Some("app::pay"));
        check("app::a", "pay", &["lib::x::pay"], Some("lib::x::pay"));
        check("app::a", "r#pay", &["app::a::pay"], Some("app::a::pay"));
        check("app", "pay", &["app::pay", "app::a::pay"], Some("app::pay"));
    }

    #[test]
    fn of_two_that_fit_equally_none_is_meant() {
        check("app::a", "pay", &["app::a::pay", "app::a::pay"], None);
        check("app", "pay", &["app::a::pay", "app::b::pay"], None);
        check("app", "pay", &["app::repay"], None);
    }
}
