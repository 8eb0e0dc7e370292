//! Search attributes that a workflow sets, for lists of runs.

use std::panic::Location;

use super::workflow::WorkflowContext;
use crate::attribute::{AttributeValue, check_count};
use crate::error::Result;

impl WorkflowContext {
    /// Sets a search attribute of the run, by which lists find it. The last value of a name counts, also over one that
    /// the start gave, and whatever its type. It is written as values for queries are
    /// ([`set_query`](Self::set_query)); a run that goes on as a new one keeps it.
    ///
    /// ```text
    /// ctx.set_attribute("stage", "charging")?;
    /// ```
    ///
    /// # Errors
    /// A name that is empty, has more than 255 bytes or a NUL; text of more than 1,000 bytes or with a NUL; a name
    /// more than 32.
    #[track_caller]
    pub fn set_attribute(&self, name: &str, value: impl Into<AttributeValue>) -> Result<()> {
        let site = Location::caller();
        self.calls(CALL, site);
        let value = value.into();
        value.check(name)?;
        self.shared().bounds.bytes(value.encode().len(), || CALL.to_owned(), site);
        let mut state = self.shared().lock();
        let set = &mut state.attributes;
        check_count("the run", set.len() + usize::from(!set.contains_key(name)))?;
        set.insert(name.to_owned(), (value, false));
        Ok(())
    }
}

const CALL: &str = "`ctx.set_attribute(..)`";
