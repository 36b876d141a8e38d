//! Notices that a server which says something each second has stopped to. No clock: the time is
//! an input, in milliseconds.

/// How long nothing may arrive by data channels. The server's pulse comes each second, and where it is
/// missed, the server is asked.
pub const LIMIT: f64 = 2_000.0;
/// The same by a WebSocket: what is lost on the way comes late, with all that follows it, and who is gone
/// has its end told.
pub const SOCKET_LIMIT: f64 = 3_000.0;
/// How long before that the server is asked for a word, and how often.
const ASKED: f64 = 750.0;
const ASK_EVERY: f64 = 250.0;
/// By how much a look may be late. If it is later, the page was suspended, and what has arrived
/// meanwhile is still to be handed to it.
const LATE: f64 = 1_000.0;

/// What has been heard of the server on one session.
#[derive(Debug)]
pub struct Silence {
    /// How long nothing may arrive.
    limit: f64,
    /// When something was heard last; `None` before the first pulse: a server without one may
    /// have nothing to say for long.
    heard: Option<f64>,
    /// When to look next.
    look: f64,
    is_silent: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Look {
    /// To look again then.
    Later(f64),
    /// To ask the server for a word, and look again then.
    Ask(f64),
    /// The server is silent.
    Silent,
}

impl Silence {
    /// Nothing was heard yet, and may be for so long.
    pub fn new(limit: f64) -> Self {
        Self {
            limit,
            heard: None,
            look: 0.0,
            is_silent: false,
        }
    }

    /// The server's pulse has come. Returns when to look, where nobody looks: at the first, and
    /// after a silence.
    pub fn pulse(&mut self, now: f64) -> Option<f64> {
        let is_first = self.heard.replace(now).is_none();
        let was_silent = std::mem::take(&mut self.is_silent);
        (is_first || was_silent).then(|| self.look_at(now + self.limit - ASKED))
    }

    /// Something else was heard. Returns the same.
    pub fn hear(&mut self, now: f64) -> Option<f64> {
        self.heard?;
        self.pulse(now)
    }

    /// Looks, at the time that was returned before or later; `None` where there is nothing to miss.
    pub fn look(&mut self, now: f64) -> Option<Look> {
        let due = self.heard? + self.limit;
        let is_late = now - self.look > LATE;
        Some(if now < due - ASKED {
            Look::Later(self.look_at(due - ASKED))
        } else if now < due {
            Look::Ask(self.look_at(due.min(now + ASK_EVERY)))
        } else if is_late {
            Look::Ask(self.look_at(now + LATE))
        } else {
            self.is_silent = true;
            Look::Silent
        })
    }

    fn look_at(&mut self, time: f64) -> f64 {
        self.look = time;
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_pulse_is_never_missed() {
        let mut silence = Silence::new(LIMIT);
        assert_eq!(silence.hear(1.0), None);
        assert_eq!(silence.look(1e9), None);
        assert!(!silence.is_silent);
    }

    #[test]
    fn a_server_that_misses_a_beat_is_asked_and_is_silent_two_seconds_after_its_last_word() {
        let mut silence = Silence::new(LIMIT);
        assert_eq!(silence.pulse(0.0), Some(1_250.0));
        assert_eq!(silence.pulse(1_000.0), None);
        assert_eq!(silence.hear(1_500.0), None);
        assert_eq!(silence.look(1_250.0), Some(Look::Later(2_750.0)));
        assert_eq!(silence.look(2_750.0), Some(Look::Ask(3_000.0)));
        assert_eq!(silence.look(3_000.0), Some(Look::Ask(3_250.0)));
        assert_eq!(silence.look(3_300.0), Some(Look::Ask(3_500.0)));
        assert_eq!(silence.look(3_500.0), Some(Look::Silent));
        assert!(silence.is_silent);
        // One that answers is heard.
        let mut silence = Silence::new(LIMIT);
        silence.pulse(0.0);
        assert_eq!(silence.look(1_250.0), Some(Look::Ask(1_500.0)));
        assert_eq!(silence.pulse(1_300.0), None);
        assert_eq!(silence.look(1_500.0), Some(Look::Later(2_550.0)));
    }

    #[test]
    fn who_speaks_again_is_listened_to_again() {
        for pulse in [true, false] {
            let mut silence = Silence::new(SOCKET_LIMIT);
            silence.pulse(0.0);
            assert_eq!(silence.look(3_000.0), Some(Look::Silent));
            let again = if pulse {
                silence.pulse(9_000.0)
            } else {
                silence.hear(9_000.0)
            };
            assert_eq!(again, Some(11_250.0));
            assert_eq!(silence.look(12_000.0), Some(Look::Silent));
        }
    }

    #[test]
    fn a_page_that_was_suspended_first_takes_in_what_came_meanwhile() {
        let mut silence = Silence::new(LIMIT);
        silence.pulse(0.0);
        let hour = 3_600_000.0;
        assert_eq!(silence.look(hour), Some(Look::Ask(hour + 1_000.0)));
        assert_eq!(silence.pulse(hour + 5.0), None);
        let after = silence.look(hour + 1_000.0);
        assert_eq!(after, Some(Look::Later(hour + 1_255.0)));
        // And where nothing came, a second is enough.
        let later = 2.0 * hour;
        assert_eq!(silence.look(later), Some(Look::Ask(later + 1_000.0)));
        assert_eq!(silence.look(later + 1_000.0), Some(Look::Silent));
    }
}
