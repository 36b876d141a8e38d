//! A peer's timer, armed seldom and together with the others'.
//!
//! A driver asks for a new sleep each time it goes round, and most of them are for the ICE agent
//! alone, which wants to be woken five times a second whether or not anything is due. A thousand
//! peers are then five thousand wakes a second, each of them with cold caches. So:
//!
//! - one timer of Tokio's serves a peer for all its sleeps, and is moved only to an earlier time;
//! - while a peer is connected and at rest, its sleep is stretched (see [`Activity::due`]);
//! - sleeps that are long enough end on a grid, so that many peers wake in one go.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Sleeps shorter than this are exact: handshakes and pacing.
const LONG: Duration = Duration::from_millis(100);
/// Where longer ones end.
const GRID: Duration = Duration::from_millis(50);
/// SCTP's delayed acknowledgement (RFC 9260 section 6.2). What came longer ago has been
/// acknowledged.
const ACKNOWLEDGED: Duration = Duration::from_millis(200);
/// Datagrams that one acknowledgement stands for (the same section: every second one).
const ACKNOWLEDGED_AT_ONCE: u32 = 2;
/// The least time after which SCTP sends again (RFC 9260 section 6.3.1: RTO.Min), and the longest
/// for which a peer at rest sleeps: its agent counts silence in seconds.
const RETRANSMISSION: Duration = Duration::from_secs(1);

/// What a peer has sent and received since it was last at rest, STUN apart.
#[derive(Debug, Default)]
pub struct Activity {
    /// Datagrams sent that none that was received can be the answer to.
    unanswered: u32,
    /// When the first of them left.
    unanswered_since: Option<Instant>,
    received: Option<Instant>,
}

impl Activity {
    pub fn on_received(&mut self, now: Instant) {
        self.received = Some(now);
        self.unanswered = self.unanswered.saturating_sub(ACKNOWLEDGED_AT_ONCE);
        if self.unanswered == 0 {
            self.unanswered_since = None;
        }
    }

    pub fn on_sent(&mut self, now: Instant) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.unanswered_since.get_or_insert(now);
    }

    /// Until when a connected peer can sleep that asks for `wanted`. While something may have to
    /// be acknowledged, as long as it asks. While something sent is unanswered, until RTO.Min
    /// after it, before which nothing is sent again. A datagram or a message to send ends any
    /// sleep at once. What the count cannot know is a loss among datagrams of which others were
    /// acknowledged: its retransmission, due RTO.Min after that acknowledgement, can be late by
    /// [`ACKNOWLEDGED`] and a step of the grid.
    fn due(&self, now: Instant, wanted: Instant) -> Instant {
        if self
            .received
            .is_some_and(|at| now.saturating_duration_since(at) < ACKNOWLEDGED)
        {
            return wanted;
        }
        wanted.max(self.unanswered_since.unwrap_or(now) + RETRANSMISSION)
    }
}

/// Makes the sleeps of one peer.
#[derive(Debug)]
pub struct Timer {
    /// From when the grid is counted: the same for all peers of a port.
    epoch: Instant,
    /// The timer while no sleep has it. Two at a time are rare, and the second gets its own.
    spare: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

impl Timer {
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            spare: Arc::default(),
        }
    }

    /// A sleep of `duration`, or of somewhat longer. `activity` is that of a peer which is
    /// connected.
    pub fn sleep(&self, duration: Duration, activity: Option<&Activity>) -> PeerSleep {
        let timer = self
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        PeerSleep {
            due: self.due(Instant::now(), duration, activity),
            timer,
            spare: self.spare.clone(),
        }
    }

    fn due(&self, now: Instant, duration: Duration, activity: Option<&Activity>) -> Instant {
        match activity {
            Some(activity) if duration >= LONG => self.on_grid(activity.due(now, now + duration)),
            _ => now + duration,
        }
    }

    fn on_grid(&self, time: Instant) -> Instant {
        let since = time.saturating_duration_since(self.epoch);
        let beyond = Duration::from_nanos((since.as_nanos() % GRID.as_nanos()) as u64);
        if beyond.is_zero() {
            time
        } else {
            time + (GRID - beyond)
        }
    }
}

/// Completes when its time has come. The timer it uses may be armed for earlier; then that wakes
/// the task and nothing else.
pub struct PeerSleep {
    due: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    spare: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

impl Future for PeerSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.due;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() > due || timer.is_elapsed() {
            timer.as_mut().reset(due);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= due {
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
    }
}

impl Drop for PeerSleep {
    fn drop(&mut self) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        *spare = self.timer.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ICE: Duration = Duration::from_millis(200);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_peer_that_is_not_connected_sleeps_as_long_as_it_asks() {
        let epoch = Instant::now();
        for wanted in [0, 5, 20, 330, 1_000].map(ms) {
            let due = Timer::new(epoch).due(epoch + ms(7), wanted, None);
            assert_eq!(due, epoch + ms(7) + wanted);
        }
    }

    #[test]
    fn a_peer_at_rest_sleeps_a_second_on_the_grid() {
        let epoch = Instant::now();
        let timer = Timer::new(epoch);
        let at_rest = Some(&Activity::default());
        assert_eq!(timer.due(epoch + ms(7), ICE, at_rest), epoch + ms(1_050));
        assert_eq!(timer.due(epoch + ms(50), ICE, at_rest), epoch + ms(1_050));
        assert_eq!(timer.due(epoch + ms(7), ms(33), at_rest), epoch + ms(40));
    }

    #[test]
    fn an_acknowledgement_and_a_retransmission_are_not_late() {
        let epoch = Instant::now();
        let timer = Timer::new(epoch);
        let mut activity = Activity::default();
        activity.on_received(epoch);
        assert_eq!(timer.due(epoch, ICE, Some(&activity)), epoch + ms(200));
        assert_eq!(
            timer.due(epoch + ms(100), ICE, Some(&activity)),
            epoch + ms(300)
        );
        assert_eq!(
            timer.due(epoch + ms(200), ICE, Some(&activity)),
            epoch + ms(1_200)
        );
        // Unanswered: due again after RTO.Min, not a second after each look at it.
        activity.on_sent(epoch + ms(1_000));
        activity.on_sent(epoch + ms(1_300));
        assert_eq!(
            timer.due(epoch + ms(1_600), ICE, Some(&activity)),
            epoch + ms(2_000)
        );
        // Overdue: as asked for.
        assert_eq!(
            timer.due(epoch + ms(2_500), ICE, Some(&activity)),
            epoch + ms(2_700)
        );
        activity.on_received(epoch + ms(2_600));
        assert_eq!(
            timer.due(epoch + ms(2_900), ICE, Some(&activity)),
            epoch + ms(3_900)
        );
    }

    #[tokio::test]
    async fn one_timer_serves_sleeps_that_end_later_and_earlier() {
        let timer = Timer::new(Instant::now());
        for wanted in [30, 1, 50, 49, 0].map(ms) {
            let longer = timer.sleep(ms(60_000), None);
            let start = Instant::now();
            tokio::select! {
                () = longer => panic!("woken by the other sleep"),
                () = timer.sleep(wanted, None) => assert!(start.elapsed() >= wanted),
            }
        }
    }
}
