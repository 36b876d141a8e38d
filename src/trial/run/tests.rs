use super::*;
use crate::trial::{Again, Way};

const SETTINGS: Settings = Settings {
    size: 16_384,
    rate: 100,
    seconds: 1,
    way: Way::Connection,
    ordered: true,
    again: Again::Always,
};

/// A channel that echoes at once, and what is done with it.
struct Echo {
    run: Run,
    now: f64,
    /// What waits in the browser.
    queued: u32,
    /// Whether what is sent comes back.
    is_lossy: bool,
    received: u32,
    questions: u32,
}

impl Echo {
    fn new() -> Self {
        Self {
            run: Run::new(3, SETTINGS, 1_000.0),
            now: 1_000.0,
            queued: 0,
            is_lossy: false,
            received: 0,
            questions: 0,
        }
    }

    /// Does what a driver does, until `is_enough` or the run is over.
    fn drive(&mut self, is_enough: impl Fn(&Run) -> bool) {
        while !is_enough(&self.run) {
            match self.run.turn(self.queued, self.now) {
                Turn::Send(due) => self.send(due),
                Turn::Ask => {
                    self.questions += 1;
                    if !self.is_lossy {
                        self.run.told(counted(self.received));
                    }
                }
                Turn::Wait => {}
                Turn::Close => return,
            }
            self.now += self.run.wait(self.now);
        }
    }

    fn send(&mut self, due: u32) {
        for rest in (0..due).rev() {
            let Some(message) = self.run.message(self.queued, rest, self.now) else {
                return;
            };
            let mut bytes = vec![0; SETTINGS.size as usize];
            message.write(&mut bytes);
            self.run.tally.sent(self.now);
            self.received += 1;
            if !self.is_lossy {
                self.run.returned(&bytes, self.now + 1.0);
            }
        }
    }
}

fn counted(received: u32) -> Option<Counted> {
    Some(Counted { received, bytes: 0 })
}

fn over(run: &Run) -> bool {
    run.is_over()
}

#[test]
fn sends_all_and_asks_the_server_for_its_count() {
    let mut echo = Echo::new();
    assert_eq!(echo.run.turn(0, echo.now), Turn::Wait);
    echo.run.opened(echo.now);
    echo.drive(over);
    assert_eq!(echo.run.phase, Phase::Over(End::Complete));
    let tally = &echo.run.tally;
    assert_eq!((tally.sent, tally.returned, tally.not_sent), (100, 100, 0));
    assert_eq!(echo.run.counted.unwrap().received, 100);
    assert!(echo.run.is_settled());
    assert_eq!(echo.questions, 1);
    let [out, back] = echo.run.throughput(echo.now);
    assert!((out - 1_638_400.0).abs() < 82_000.0, "{out}");
    assert!((back - out).abs() < 10_000.0, "{back}");
}

#[test]
fn what_does_not_fit_into_the_queue_is_not_sent_and_told() {
    let mut echo = Echo::new();
    echo.run.opened(echo.now);
    echo.queued = MAX_QUEUED - SETTINGS.size + 1;
    echo.drive(over);
    let tally = &echo.run.tally;
    assert_eq!((tally.sent, tally.not_sent), (0, 100));
    assert_eq!(tally.most_queued, echo.queued);
    assert_eq!(echo.run.phase, Phase::Over(End::Complete));
}

#[test]
fn a_server_that_does_not_tell_is_asked_so_often_and_no_more() {
    let mut echo = Echo::new();
    echo.is_lossy = true;
    echo.run.opened(echo.now);
    echo.drive(over);
    assert_eq!(echo.questions, QUESTIONS);
    assert_eq!(echo.run.counted, None);
    assert_eq!(echo.run.tally.missing(), 100);
    assert_eq!(echo.run.phase, Phase::Over(End::Complete));
}

#[test]
fn stopped_it_waits_for_the_rest_and_stopped_again_it_ends() {
    let mut echo = Echo::new();
    echo.run.opened(echo.now);
    echo.drive(|run| run.tally.sent == 10);
    echo.run.stop(echo.now);
    assert_eq!(echo.run.phase, Phase::Awaiting);
    echo.drive(over);
    assert_eq!(echo.run.phase, Phase::Over(End::Stopped));
    assert_eq!(echo.run.tally.sent, 10);

    let mut lossy = Echo::new();
    lossy.is_lossy = true;
    lossy.run.opened(lossy.now);
    lossy.drive(|run| run.phase == Phase::Awaiting);
    lossy.run.stop(lossy.now);
    assert_eq!(lossy.run.phase, Phase::Over(End::Abandoned));
    assert!(!lossy.run.is_settled());
    assert_eq!(lossy.run.turn(0, lossy.now), Turn::Close);
}

#[test]
fn a_channel_that_does_not_open_or_is_lost_ends_it() {
    let mut echo = Echo::new();
    echo.drive(over);
    assert!(matches!(echo.run.phase, Phase::Over(End::Failed(_))));
    assert!(echo.now >= 1_000.0 + OPENING);

    let mut lost = Echo::new();
    lost.run.opened(lost.now);
    lost.drive(|run| run.tally.sent == 10);
    lost.run.fail("gone".into());
    lost.run.fail("gone again".into());
    lost.run.stop(lost.now);
    assert_eq!(lost.run.phase, Phase::Over(End::Failed("gone".into())));
    assert_eq!(lost.run.turn(0, lost.now), Turn::Close);
}

#[test]
fn what_is_said_out_of_turn_is_no_count() {
    let mut echo = Echo::new();
    echo.run.opened(echo.now);
    echo.run.told(counted(1));
    assert_eq!(echo.run.counted, None);
    echo.drive(|run| matches!(run.phase, Phase::Asking(..)));
    // The driver reads what is no count as none.
    echo.run.told(None);
    assert_eq!(echo.run.counted, counted(100));
}
