//! Errors that are stored have a size, like everything that is: the message may be a whole document.

use super::{Error, ErrorKind, ErrorRecord};

/// However small payloads must be, an error may have so many bytes.
const ALWAYS: usize = 64 << 10;
/// Of a message that is too long, so much is kept.
const KEPT: usize = 4 << 10;

impl Error {
    /// The error, or the beginning of its message where it is larger than so many bytes.
    pub(crate) fn within(self, limit: usize) -> Self {
        let limit = limit.max(ALWAYS);
        // Where a run goes on as another, the details are its input, which has its own limit.
        if self.kind() == ErrorKind::ContinueAsNew || self.size() <= limit {
            return self;
        }
        let size = self.size();
        let kept = self.message().char_indices().map(|(at, _)| at).take_while(|at| *at <= KEPT);
        let head = &self.message()[..kept.last().unwrap_or(0)];
        let message = format!(
            "{head}… (the error has {size} bytes and the limit is {limit}: the rest of it is left out)"
        );
        let mut cut = Self::new(self.kind(), message);
        (cut.0.timeout, cut.0.steps) = (self.0.timeout, self.0.steps);
        cut
    }

    /// How many bytes it takes when it is stored.
    fn size(&self) -> usize {
        let plain = self.message().len() + self.chain().map(str::len).sum::<usize>();
        if plain > ALWAYS || self.0.details.is_some() {
            return serde_json::to_vec(&ErrorRecord::from(self)).map_or(0, |json| json.len());
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_too_large_keeps_its_kind_and_its_beginning() {
        let error = Error::new(ErrorKind::Timeout, "é".repeat(ALWAYS));
        let cut = error.clone().within(10);
        assert_eq!(cut.kind(), ErrorKind::Timeout);
        assert!(cut.message().starts_with(&"é".repeat(KEPT / 2)), "{}", cut.message().len());
        assert!(cut.message().ends_with("the rest of it is left out)"), "{}", cut.message().len());
        assert_eq!(error.clone().within(usize::MAX).message(), error.message());
        let details = Error::terminal_with("x".repeat(ALWAYS));
        assert!(details.clone().within(10).details::<String>().is_none());
        assert!(details.within(ALWAYS * 3).details::<String>().is_some());
    }
}
