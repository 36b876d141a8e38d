//! Notices that a server which says something each second has stopped to. No clock: the time is
//! an input, in milliseconds.

/// How long nothing may arrive. The server's pulse comes each second, so that two of them may be
/// lost.
pub const LIMIT: f64 = 3_000.0;
/// By how much a look may be late. If it is later, the page was suspended, and what has arrived
/// meanwhile is still to be handed to it.
const LATE: f64 = 1_000.0;

/// What has been heard of the server on one session.
#[derive(Debug, Default)]
pub struct Silence {
    /// When something was heard last; `None` before the first pulse: a server without one may
    /// have nothing to say for long.
    heard: Option<f64>,
    /// When to look next.
    look: f64,
    is_silent: bool,
}

impl Silence {
    /// The server's pulse has come. Returns when to look, where nobody looks: at the first, and
    /// after a silence.
    pub fn pulse(&mut self, now: f64) -> Option<f64> {
        let is_first = self.heard.replace(now).is_none();
        let was_silent = std::mem::take(&mut self.is_silent);
        (is_first || was_silent).then(|| self.look_at(now + LIMIT))
    }

    /// Something else was heard. Returns the same.
    pub fn hear(&mut self, now: f64) -> Option<f64> {
        self.heard?;
        self.pulse(now)
    }

    /// Looks, at the time that was returned before or later: when to look again, or `None` where
    /// the server is silent.
    pub fn look(&mut self, now: f64) -> Option<f64> {
        let due = self.heard? + LIMIT;
        if now < due {
            return Some(self.look_at(due));
        }
        if now - self.look > LATE {
            return Some(self.look_at(now + LATE));
        }
        self.is_silent = true;
        None
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
        let mut silence = Silence::default();
        assert_eq!(silence.hear(1.0), None);
        assert_eq!(silence.look(1e9), None);
        assert!(!silence.is_silent);
    }

    #[test]
    fn silence_is_noticed_three_seconds_after_the_last_word() {
        let mut silence = Silence::default();
        assert_eq!(silence.pulse(0.0), Some(3_000.0));
        assert_eq!(silence.pulse(1_000.0), None);
        assert_eq!(silence.hear(1_500.0), None);
        assert_eq!(silence.look(3_000.0), Some(4_500.0));
        assert_eq!(silence.look(4_500.0), None);
        assert!(silence.is_silent);
    }

    #[test]
    fn who_speaks_again_is_listened_to_again() {
        for pulse in [true, false] {
            let mut silence = Silence::default();
            silence.pulse(0.0);
            assert_eq!(silence.look(3_000.0), None);
            let again = if pulse {
                silence.pulse(9_000.0)
            } else {
                silence.hear(9_000.0)
            };
            assert_eq!(again, Some(12_000.0));
            assert_eq!(silence.look(12_000.0), None);
        }
    }

    #[test]
    fn a_page_that_was_suspended_first_takes_in_what_came_meanwhile() {
        let mut silence = Silence::default();
        silence.pulse(0.0);
        let hour = 3_600_000.0;
        assert_eq!(silence.look(hour), Some(hour + 1_000.0));
        assert_eq!(silence.pulse(hour + 5.0), None);
        assert_eq!(silence.look(hour + 1_000.0), Some(hour + 3_005.0));
        // And where nothing came, a second is enough.
        assert_eq!(silence.look(2.0 * hour), Some(2.0 * hour + 1_000.0));
        assert_eq!(silence.look(2.0 * hour + 1_000.0), None);
    }
}
