//! Values that a workflow publishes, for everybody to read from the database.

use std::panic::Location;

use serde::Serialize;

use super::workflow::WorkflowContext;
use crate::error::Result;
use crate::limits::check_name;
use crate::payload::Payload;

/// The largest value, in bytes of JSON. Not a setting: a replay must decide as the first run did.
const LARGEST: usize = 256 << 10;

impl WorkflowContext {
    /// Publishes a value that [`Execution::query`](crate::engine::Execution::query) reads from the database: without a
    /// worker, and also after the end of the run. The last value of a name counts. It is written with what the run
    /// commits next, or, if it commits nothing for a while, within about a quarter of a second. A run that goes on as
    /// a new one begins without values.
    ///
    /// ```text
    /// ctx.set_query("stage", "charging")?;
    /// ```
    ///
    /// # Errors
    /// A name that is empty, has more than 255 bytes or a NUL; a value that cannot be stored and read back, or has more
    /// than 256 KiB of JSON.
    #[track_caller]
    pub fn set_query<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<()> {
        let site = Location::caller();
        self.calls(CALL, site);
        check_name("name of a query", name)?;
        let what = || format!("value of query `{name}`");
        let value = Payload::published(value).and_then(|value| value.within(LARGEST, what))?;
        self.shared().bounds.bytes(value.len(), || CALL.to_owned(), site);
        let json = value.as_json().unwrap_or_default().to_owned();
        self.shared().lock().queries.insert(name.to_owned(), json);
        Ok(())
    }
}

const CALL: &str = "`ctx.set_query(..)`";
