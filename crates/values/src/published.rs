//! The side that takes what a client publishes.

use tickwire_wire::values::{FrameError, Publication};

/// Which publications of a session have come.
#[derive(Debug, Default)]
pub struct Published {
    /// The newest.
    last: Option<u64>,
}

impl Published {
    /// Reads a publication. What is not newer than another has nothing in it: the newer one tells all that
    /// was not known to have come. The second is the acknowledgement to be sent, where one is.
    ///
    /// # Errors
    /// Where the message is none.
    pub fn handle<'a>(
        &mut self,
        message: &'a [u8],
    ) -> Result<(Publication<'a>, Option<Vec<u8>>), FrameError> {
        let mut publication = Publication::read(message)?;
        let number = publication.number;
        if self.last.is_some_and(|last| number <= last) {
            publication.entries.clear();
        }
        let is_newest = self.last.is_none_or(|last| number >= last);
        self.last = self.last.max(Some(number));
        let acknowledgement = Publication::acknowledgement(number).write();
        Ok((publication, is_newest.then_some(acknowledgement)))
    }
}
