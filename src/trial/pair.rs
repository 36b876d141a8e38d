//! Two runs side by side.

use super::{Run, Settings};

/// Two runs, of which the newest may go on.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// The runs, as far as there are any.
    pub runs: [Option<Run>; 2],
    /// How many there were: numbers them, so that what is late for one does not count for the
    /// next.
    pub number: u32,
    newest: usize,
}

impl Pair {
    /// What the runs are called.
    pub const NAMES: [&str; 2] = ["A", "B"];

    /// Begins a run in place of the older one, or of the one that is not `kept`.
    pub fn begin(&mut self, settings: Settings, kept: Option<usize>, now: f64) {
        self.newest = match kept.filter(|&kept| self.runs[kept].is_some()) {
            Some(kept) => 1 - kept,
            None if self.runs[self.newest].is_none() => self.newest,
            None => 1 - self.newest,
        };
        self.number = self.number.wrapping_add(1);
        self.runs[self.newest] = Some(Run::new(self.number, settings, now));
    }

    /// The newest run, and what it is called.
    pub fn newest(&self) -> Option<(&Run, &'static str)> {
        Some((self.runs[self.newest].as_ref()?, Self::NAMES[self.newest]))
    }

    /// The newest run.
    pub fn newest_mut(&mut self) -> Option<&mut Run> {
        self.runs[self.newest].as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(pair: &mut Pair, kept: Option<usize>) -> &'static str {
        pair.begin(Settings::default(), kept, 0.0);
        pair.newest().expect("it has begun").1
    }

    #[test]
    fn a_new_run_takes_the_place_of_the_older() {
        let mut pair = Pair::default();
        assert!(pair.newest().is_none());
        let places = [(); 4].map(|()| begin(&mut pair, None));
        assert_eq!(places, ["A", "B", "A", "B"]);
        assert_eq!(pair.number, 4);
    }

    #[test]
    fn and_leaves_the_one_that_is_kept() {
        let mut pair = Pair::default();
        // There is none to keep yet.
        assert_eq!(begin(&mut pair, Some(0)), "A");
        let places = [(); 3].map(|()| begin(&mut pair, Some(0)));
        assert_eq!(places, ["B", "B", "B"]);
        assert_eq!(begin(&mut pair, Some(1)), "A");
    }
}
