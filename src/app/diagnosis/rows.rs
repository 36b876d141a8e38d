//! The steps of a try as rows: each with its time and its outcome.

use crate::app::text::{self, UNKNOWN};
use tickwire_link::{Milestone, Outcome, StepReport};

/// How wide the axis of time is.
const WIDTH: u32 = 1_000;
/// A bar is no narrower, so that it can be seen.
const NARROWEST: u32 = 6;

/// The steps in their order, and what the page calls them.
const NAMES: [(Milestone, &str); 6] = [
    (Milestone::PageLoaded, "Page loaded"),
    (Milestone::OfferSent, "Offer sent"),
    (Milestone::AnswerReceived, "Answer received"),
    (Milestone::PairsChecked, "Candidate pairs checked"),
    (Milestone::Secured, "DTLS handshake"),
    (Milestone::ChannelsOpen, "Channels open"),
];

/// A step, as the page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// How long it took, or has taken.
    pub took: String,
    /// Its bar on the axis of time that all share: from where and how wide, in thousandths. The
    /// page was loaded before that axis begins.
    pub bar: Option<(u32, u32)>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not begun.
    Waiting,
    /// It is under way.
    Running,
    /// It led to what it should.
    Done,
    /// It did not.
    Failed,
    /// It was given up.
    Stopped,
}

impl Standing {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// As a sign, for those who see it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Waiting | Self::Running => "",
            Self::Done => "✓",
            Self::Failed => "✕",
            Self::Stopped => "–",
        }
    }
}

/// All steps of the newest try, those included that it has not come to. Before the first the page
/// is loaded, or not yet.
pub fn rows(steps: &[StepReport], is_loaded: bool) -> [Row; 6] {
    let charted = || {
        steps
            .iter()
            .filter(|step| step.milestone != Milestone::PageLoaded)
    };
    let from = charted().map(|step| step.began).fold(f64::MAX, f64::min);
    let to = charted()
        .map(|step| step.ended.unwrap_or(step.began))
        .fold(from, f64::max);
    let scale = f64::from(WIDTH) / (to - from).max(1.0);
    // As a whole number even garbage is within bounds.
    let at = |time: f64| ((time - from) * scale) as u32;
    let bar = |step: &StepReport| {
        let left = at(step.began).min(WIDTH - NARROWEST);
        let right = step.ended.map_or(WIDTH, at);
        let width = right.saturating_sub(left).clamp(NARROWEST, WIDTH - left);
        (left, width)
    };
    NAMES.map(|(milestone, name)| {
        let step = steps.iter().find(|step| step.milestone == milestone);
        Row {
            name,
            standing: match step.map(|step| &step.outcome) {
                Some(Outcome::Pending) => Standing::Running,
                Some(Outcome::Done) => Standing::Done,
                Some(Outcome::Failed(_)) => Standing::Failed,
                Some(Outcome::Stopped) => Standing::Stopped,
                None if is_loaded && milestone == Milestone::PageLoaded => Standing::Done,
                None => Standing::Waiting,
            },
            took: step
                .and_then(|step| Some(step.ended? - step.began))
                .map_or_else(|| UNKNOWN.into(), text::duration),
            bar: step
                .filter(|step| step.milestone != Milestone::PageLoaded)
                .map(bar),
        }
    })
}
