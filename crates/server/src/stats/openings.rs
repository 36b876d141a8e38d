//! How long sessions take to open.

use super::Histogram;
use std::time::Instant;

const BOUNDS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// What a session does before it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Until DTLS and SCTP are up.
    Handshake,
    /// Until the first channel is open.
    Channel,
}

/// How a stage went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// The session ended in it.
    Failed,
}

/// How long after the answer each stage was over, by its outcome.
#[derive(Debug)]
pub struct Openings([[Histogram; 2]; 2]);

impl Default for Openings {
    fn default() -> Self {
        let times = || Histogram::new(&BOUNDS);
        Self([[times(), times()], [times(), times()]])
    }
}

impl Openings {
    /// With the names of stage and outcome.
    pub fn all(&self) -> impl Iterator<Item = ([&'static str; 2], &Histogram)> {
        let stages = ["handshake", "channel"].into_iter().zip(&self.0);
        stages.flat_map(|(stage, outcomes)| {
            let outcomes = ["done", "failed"].into_iter().zip(outcomes);
            outcomes.map(move |(outcome, times)| ([stage, outcome], times))
        })
    }
}

/// A session that opens; one that ends before has failed.
#[derive(Debug)]
pub struct Opening<'a> {
    openings: &'a Openings,
    answered: Instant,
    /// None any more when it is open.
    stage: Option<Stage>,
}

impl<'a> Opening<'a> {
    /// The answer is given.
    pub fn begin(openings: &'a Openings) -> Self {
        Self {
            openings,
            answered: Instant::now(),
            stage: Some(Stage::Handshake),
        }
    }

    pub fn is_open(&self) -> bool {
        self.stage.is_none()
    }

    /// DTLS and SCTP are up.
    pub fn connected(&mut self) {
        self.end(Outcome::Done);
        self.stage = Some(Stage::Channel);
    }

    /// The first channel is open.
    pub fn opened(&mut self) {
        self.end(Outcome::Done);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(stage) = self.stage.take() {
            let times = &self.openings.0[stage as usize][outcome as usize];
            times.note(self.answered.elapsed());
        }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Failed);
    }
}
