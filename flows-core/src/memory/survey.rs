//! Surveys: runs in the order of their keys. Nothing here changes anything.

use std::ops::Bound;

use uuid::Uuid;

use super::run::Run;
use super::state::State;
use crate::ids::{RunKey, SHARDS};
use crate::store::{Survey, Surveyable, Surveyed};

impl State {
    /// [`Store::survey`](crate::store::Store::survey).
    pub(super) fn survey(&self, survey: &Survey) -> Surveyed {
        let from = survey.from;
        let (page, end) = match survey.runs {
            Surveyable::Open => {
                let end = RunKey { shard: from.shard + 1, tenant: Uuid::nil(), run: Uuid::nil() };
                let range = self.runs.range((Bound::Excluded(from), Bound::Excluded(end)));
                let open = range.map(|(_, run)| run).filter(|run| run.is_open());
                (open.take(survey.limit).collect(), Some(end).filter(|end| end.shard < SHARDS))
            }
            Surveyable::Closed => {
                let least = RunKey { tenant: Uuid::nil(), run: Uuid::nil(), ..from };
                let range = self.runs.range((Bound::Included(least), Bound::Excluded(from)));
                let closed = range.rev().map(|(_, run)| run).filter(|run| !run.is_open());
                (closed.take(survey.limit).collect::<Vec<_>>(), None)
            }
        };
        let next = if page.len() < survey.limit { end } else { page.last().map(|run| run.new.key) };
        let wanted =
            |run: &&Run| survey.workflow.as_deref().is_none_or(|w| w == &*run.new.workflow);
        let runs = page.into_iter().filter(wanted);
        Surveyed { runs: runs.map(|run| (run.activation(), run.status())).collect(), next }
    }
}
