//! Whether the panel is open: it opens when something fails and folds when all is well again, and
//! the reader's word counts for more.

/// Whether the panel is open, and who wanted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fold {
    /// Whether it is open.
    pub is_open: bool,
    /// It is open because it opened by itself.
    opened_itself: bool,
    /// The reader has turned to it since it opened.
    is_read: bool,
    /// The reader has once shut what had opened by itself: it does not do so again.
    is_unwanted: bool,
}

impl Fold {
    /// A step has failed: opens, unless the reader has shut what opened by itself before.
    pub fn failed(self) -> Self {
        if self.is_open || self.is_unwanted {
            return self;
        }
        Self {
            is_open: true,
            opened_itself: true,
            ..Self::default()
        }
    }

    /// All is well: folds what opened by itself, unless the reader has turned to it.
    pub fn well(self) -> Self {
        if !self.opened_itself || self.is_read {
            return self;
        }
        Self::default()
    }

    /// The reader has opened or shut it.
    pub fn turned(self, is_open: bool) -> Self {
        if is_open == self.is_open {
            return self;
        }
        Self {
            is_open,
            is_unwanted: self.is_unwanted || self.opened_itself,
            ..Self::default()
        }
    }

    /// The reader points at it, or has the keyboard's focus in it.
    pub fn read(self) -> Self {
        Self {
            is_read: true,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_when_a_step_fails_and_folds_when_all_is_well() {
        let opened = Fold::default().failed();
        assert!(opened.is_open);
        assert!(!opened.failed().well().is_open);
        assert!(opened.well().failed().is_open);
        assert!(!Fold::default().well().is_open);
    }

    #[test]
    fn what_the_reader_opened_stays_open() {
        let opened = Fold::default().turned(true);
        assert!(opened.well().failed().well().is_open);
    }

    #[test]
    fn what_is_being_read_stays_open() {
        assert!(Fold::default().failed().read().well().is_open);
    }

    #[test]
    fn what_the_reader_shut_does_not_open_by_itself_again() {
        let shut = Fold::default().failed().turned(false);
        assert!(!shut.failed().is_open);
        assert!(!shut.well().failed().is_open);
        let read_and_shut = Fold::default().failed().read().turned(false);
        assert!(!read_and_shut.failed().is_open);
        let opened_again = shut.turned(true);
        assert!(opened_again.well().is_open);
        assert!(!opened_again.turned(false).failed().is_open);
    }

    #[test]
    fn one_who_looked_while_all_was_well_is_told_of_a_failure() {
        let looked = Fold::default().turned(true).turned(false);
        assert!(looked.failed().is_open);
    }

    #[test]
    fn what_it_did_itself_is_not_the_readers_doing() {
        let opened = Fold::default().failed();
        assert_eq!(opened.turned(true), opened);
    }
}
