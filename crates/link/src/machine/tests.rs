use super::*;
use tickwire_wire::signaling::{Code, SignalingError};

const NOW: f64 = 100_000.0;
const HALF: Moment = Moment {
    now: NOW,
    random: 0.5,
    reconnect: true,
    prefers_socket: false,
    is_by_socket: false,
};

fn at(now: f64) -> Moment {
    Moment { now, ..HALF }
}

/// One beside which nothing is tried any more.
fn attempt(step: Step, until: f64) -> Attempt {
    let beside = Beside::Over;
    Attempt {
        step,
        until,
        beside,
    }
}

/// One that has just begun.
fn begun() -> Attempt {
    Attempt {
        step: Step::Signalling,
        until: NOW + 15_000.0,
        beside: Beside::At(NOW + 1_500.0),
    }
}

fn connecting_at(step: Step, until: f64) -> LinkState {
    LinkState::Connecting(attempt(step, until))
}

fn doubtful(until: f64) -> LinkState {
    LinkState::Interrupted(Interruption::Doubtful { until })
}

fn restarting_until(until: f64) -> LinkState {
    LinkState::Interrupted(Interruption::Restarting { until })
}

fn trying(attempt: u32, attempted: Try, cause: Failure) -> LinkState {
    LinkState::Reconnecting {
        attempt,
        attempted,
        cause,
    }
}

fn moving(attempt: u32, attempted: Try) -> LinkState {
    moving_for(Reason::GoAway, attempt, attempted)
}

fn moving_for(reason: Reason, attempt: u32, attempted: Try) -> LinkState {
    LinkState::Moving {
        reason,
        attempt,
        attempted,
    }
}

fn wait(until: f64) -> Try {
    Try::Waiting {
        until,
        not_before: 0.0,
    }
}

fn opening(step: Step, until: f64) -> Try {
    Try::Opening(attempt(step, until))
}

fn refused() -> Failure {
    Failure::Refused(SignalingError::new(Code::BadChannel, "no"))
}

fn full(seconds: u64) -> Failure {
    Failure::Full {
        message: "full".into(),
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

/// One of each kind, none of them overdue.
fn states() -> Vec<LinkState> {
    let later = NOW + 1_000.0;
    vec![
        LinkState::Idle,
        connecting_at(Step::Checking, later),
        LinkState::Connected,
        doubtful(later),
        restarting_until(later),
        moving(2, wait(later)),
        moving(2, opening(Step::Checking, later)),
        trying(2, wait(later), Failure::Unreachable),
        trying(2, opening(Step::Checking, later), Failure::Silent),
        LinkState::Failed(Failure::NoPath),
    ]
}

fn events() -> Vec<Event> {
    vec![
        Event::Start,
        Event::Stop,
        Event::Reached(Step::Signalling),
        Event::Reached(Step::Securing),
        Event::Opened,
        Event::Lost(Failure::Ended),
        Event::Lost(refused()),
        Event::Doubt,
        Event::NoWay,
        Event::GoAway,
        Event::NextReached(Step::Signalling),
        Event::NextReached(Step::Securing),
        Event::NextOpened,
        Event::NextLost(Failure::Unreachable),
        Event::NextLost(refused()),
        Event::Silent,
        Event::Heard,
        Event::NetworkChanged,
        Event::Seen,
        Event::Left,
        Event::Time,
    ]
}

/// What is to come of every event in every state: the rest changes nothing.
fn expected(state: &LinkState, event: &Event) -> Option<(LinkState, Vec<Action>)> {
    use Action::{Close, CloseNext, Move, Open, OpenNext, Replace, Restart};
    let later = NOW + 1_000.0;
    let first_wait = |cause| trying(1, wait(NOW + 250.0), cause);
    let away = |attempt| trying(attempt, wait(f64::INFINITY), Failure::Away);
    let open_by = NOW + 15_000.0;
    let restart = || (restarting_until(NOW + 5_000.0), vec![Restart]);
    let failed = |cause: &Failure| (LinkState::Failed(cause.clone()), vec![Close]);
    Some(match (state, event) {
        (LinkState::Idle | LinkState::Failed(_), Event::Start) => {
            (LinkState::Connecting(begun()), vec![Open])
        }
        (LinkState::Idle | LinkState::Failed(_), _) => return None,
        (_, Event::Stop) => (LinkState::Idle, vec![Close]),

        (LinkState::Connecting(_), Event::Reached(Step::Securing)) => {
            (connecting_at(Step::Securing, later), vec![])
        }
        (LinkState::Connecting(_), Event::Opened) => (LinkState::Connected, vec![]),
        // Somebody has just pressed the button: they are told, whatever it was.
        (LinkState::Connecting(_), Event::Lost(cause)) => failed(cause),
        (LinkState::Connecting(_), Event::NetworkChanged) => {
            (LinkState::Connecting(begun()), vec![Open])
        }
        (LinkState::Connecting(_), Event::Left) => (away(1), vec![Close]),

        (LinkState::Connected, Event::Doubt) => (doubtful(NOW + 2_000.0), vec![]),
        (LinkState::Connected, Event::Silent | Event::NoWay | Event::NetworkChanged) => restart(),
        (
            LinkState::Connected | LinkState::Interrupted(_) | LinkState::Moving { .. },
            Event::Lost(Failure::Refused(_)),
        ) => failed(&refused()),
        (LinkState::Connected | LinkState::Interrupted(_), Event::Lost(cause)) => {
            (first_wait(cause.clone()), vec![Close])
        }
        (
            LinkState::Connected | LinkState::Interrupted(_) | LinkState::Moving { .. },
            Event::Left,
        ) => (away(1), vec![Close]),

        (LinkState::Connected, Event::GoAway) => (
            moving(1, opening(Step::Signalling, open_by)),
            vec![OpenNext],
        ),
        (LinkState::Moving { attempted, .. }, Event::Lost(_) | Event::Silent | Event::NoWay) => {
            let cause = match event {
                Event::Lost(cause) => cause.clone(),
                _ => Failure::Silent,
            };
            let is_opening = matches!(attempted, Try::Opening(_));
            let action = if is_opening { Replace } else { Close };
            (trying(2, *attempted, cause), vec![action])
        }
        (LinkState::Moving { .. }, Event::NetworkChanged) => (
            moving(2, opening(Step::Signalling, open_by)),
            vec![Restart, OpenNext],
        ),
        (
            LinkState::Moving {
                attempted: Try::Waiting { .. },
                ..
            },
            Event::Seen,
        ) => (
            moving(2, opening(Step::Signalling, open_by)),
            vec![OpenNext],
        ),
        (
            LinkState::Moving {
                attempted: Try::Waiting { .. },
                ..
            },
            _,
        ) => return None,
        (LinkState::Moving { .. }, Event::NextReached(Step::Securing)) => {
            (moving(2, opening(Step::Securing, later)), vec![])
        }
        (LinkState::Moving { .. }, Event::NextOpened) => (LinkState::Connected, vec![Move]),
        // It is as good as any, as long as it lasts.
        (LinkState::Moving { .. }, Event::NextLost(Failure::Refused(_))) => {
            (LinkState::Connected, vec![CloseNext])
        }
        (LinkState::Moving { .. }, Event::NextLost(_)) => {
            (moving(3, wait(NOW + 1_000.0)), vec![CloseNext])
        }

        (LinkState::Interrupted(_), Event::Heard) => (LinkState::Connected, vec![]),
        (LinkState::Interrupted(_), Event::NetworkChanged) => restart(),
        (
            LinkState::Interrupted(Interruption::Doubtful { .. }),
            Event::Silent | Event::NoWay | Event::Seen,
        ) => restart(),

        (
            LinkState::Reconnecting {
                attempted: Try::Waiting { .. },
                ..
            },
            Event::NetworkChanged | Event::Seen,
        ) => (
            trying(2, Try::Opening(begun()), Failure::Unreachable),
            vec![Open],
        ),
        (
            LinkState::Reconnecting {
                attempted: Try::Waiting { .. },
                ..
            },
            _,
        ) => return None,
        (LinkState::Reconnecting { .. }, Event::Reached(Step::Securing)) => (
            trying(2, opening(Step::Securing, later), Failure::Silent),
            vec![],
        ),
        (LinkState::Reconnecting { .. }, Event::Opened) => (LinkState::Connected, vec![]),
        (LinkState::Reconnecting { .. }, Event::Lost(Failure::Refused(_))) => failed(&refused()),
        (LinkState::Reconnecting { .. }, Event::Lost(cause)) => (
            // Half of four times half a second.
            trying(3, wait(NOW + 1_000.0), cause.clone()),
            vec![Close],
        ),
        (LinkState::Reconnecting { .. }, Event::NetworkChanged) => (
            trying(2, Try::Opening(begun()), Failure::Silent),
            vec![Open],
        ),
        (LinkState::Reconnecting { .. }, Event::Left) => (away(2), vec![Close]),
        _ => return None,
    })
}

#[test]
fn every_event_in_every_state_does_what_it_should_and_nothing_else() {
    for state in states() {
        for event in events() {
            let wanted = expected(&state, &event).unwrap_or((state.clone(), vec![]));
            assert_eq!(next(&state, &event, HALF), wanted, "{event:?} in {state:?}");
        }
    }
}

#[test]
fn each_deadline_leads_on_when_it_has_come_and_not_before() {
    let cause = || Failure::Unreachable;
    let cases = [
        (
            connecting_at(Step::Signalling, NOW),
            LinkState::Failed(Failure::NoAnswer),
        ),
        (
            connecting_at(Step::Checking, NOW),
            LinkState::Failed(Failure::NoPath),
        ),
        (
            connecting_at(Step::Securing, NOW),
            LinkState::Failed(Failure::Dtls),
        ),
        (
            connecting_at(Step::Opening, NOW),
            LinkState::Failed(Failure::NoChannel),
        ),
        (doubtful(NOW), restarting_until(NOW + 5_000.0)),
        (
            moving(4, wait(NOW)),
            moving(4, opening(Step::Signalling, NOW + 15_000.0)),
        ),
        (
            moving(4, opening(Step::Checking, NOW)),
            moving(5, wait(NOW + 4_000.0)),
        ),
        (
            restarting_until(NOW),
            trying(1, wait(NOW + 250.0), Failure::Silent),
        ),
        (
            trying(4, wait(NOW), cause()),
            trying(4, Try::Opening(begun()), cause()),
        ),
        (
            trying(4, opening(Step::Checking, NOW), cause()),
            trying(5, wait(NOW + 4_000.0), Failure::NoPath),
        ),
    ];
    for (state, wanted) in cases {
        assert_eq!(deadline(&state), Some(NOW), "{state:?}");
        let early = next(&state, &Event::Time, at(NOW - 1.0));
        assert_eq!(early, (state.clone(), vec![]));
        assert_eq!(next(&state, &Event::Time, HALF).0, wanted, "{state:?}");
        // A device that slept: an hour late.
        let late = next(&state, &Event::Time, at(NOW + 3.6e6)).0;
        assert_eq!(late.label(), wanted.label(), "{state:?}");
    }
    for state in [
        LinkState::Idle,
        LinkState::Connected,
        LinkState::Failed(cause()),
        trying(1, wait(f64::INFINITY), Failure::Away),
    ] {
        assert_eq!(deadline(&state), None);
    }
}

#[test]
fn waits_double_to_half_a_minute_and_are_spread_over_all_of_it() {
    let mut state = trying(1, opening(Step::Signalling, NOW), Failure::Unreachable);
    for longest in [1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3, 30e3] {
        let lost = Event::Lost(Failure::Unreachable);
        for random in [0.0, 0.25, 0.999] {
            let at = Moment { random, ..HALF };
            let until = next(&state, &lost, at).0.next_try().unwrap();
            assert!((until - NOW - longest * random).abs() < 1e-6, "{until}");
        }
        state = next(&state, &lost, HALF).0;
        state = next(&state, &Event::Time, at(NOW + 3.6e6)).0;
    }
    // However often it was tried.
    let state = trying(u32::MAX, opening(Step::Signalling, NOW), Failure::NoPath);
    let (state, _) = next(&state, &Event::Lost(Failure::NoPath), HALF);
    assert_eq!(state.next_try(), Some(NOW + 15_000.0));
}

#[test]
fn a_server_that_says_when_to_come_back_is_left_alone_until_then() {
    let lost = Event::Lost(full(20));
    let state = trying(1, opening(Step::Signalling, NOW), Failure::Silent);
    let (state, actions) = next(&state, &lost, HALF);
    assert_eq!(actions, [Action::Close]);
    assert_eq!(state.next_try(), Some(NOW + 30_000.0));
    let (waiting, actions) = next(&state, &Event::Time, at(NOW + 20_000.0));
    assert_eq!((&waiting, actions), (&state, vec![]));
    for event in [Event::Seen, Event::NetworkChanged] {
        let (state, actions) = next(&state, &event, at(NOW + 19_999.0));
        assert_eq!((state.next_try(), actions), (Some(NOW + 20_000.0), vec![]));
        let (state, actions) = next(&state, &event, at(NOW + 20_000.0));
        assert_eq!(
            (state.step(), actions),
            (Some(Step::Signalling), vec![Action::Open])
        );
    }
    // A wait of our own that is longer is cut short to what the server asked for.
    let state = trying(9, opening(Step::Signalling, NOW), Failure::Silent);
    let (state, _) = next(&state, &Event::Lost(full(2)), HALF);
    assert_eq!(state.next_try(), Some(NOW + 17_000.0));
    let (state, _) = next(&state, &Event::Seen, HALF);
    assert_eq!(state.next_try(), Some(NOW + 2_000.0));
    // The same where the session was lost to a server that drains.
    let drains = Failure::ShuttingDown {
        retry_after: Some(Duration::from_secs(5)),
    };
    let (state, _) = next(&LinkState::Connected, &Event::Lost(drains), HALF);
    assert_eq!(state.next_try(), Some(NOW + 7_500.0));
}

#[test]
fn those_that_a_server_has_told_when_to_come_back_do_not_come_in_the_same_instant() {
    let state = trying(1, opening(Step::Signalling, NOW), Failure::Silent);
    let come_back = |asked: u64, random: f64| {
        let at = Moment { random, ..HALF };
        let (state, _) = next(&state, &Event::Lost(full(asked)), at);
        state.next_try().unwrap() - NOW
    };
    // Over as long again as it has asked for.
    for (random, wanted) in [(0.0, 20_000.0), (0.25, 25_000.0), (0.75, 35_000.0)] {
        assert_eq!(come_back(20, random), wanted);
    }
    // Where that is nothing, over what they wait by themselves.
    for (random, wanted) in [(0.0, 0.0), (0.25, 250.0), (0.75, 750.0)] {
        assert_eq!(come_back(0, random), wanted);
    }
}

#[test]
fn without_reconnecting_a_lost_session_is_a_failure_and_a_restart_is_tried_all_the_same() {
    let once = Moment {
        reconnect: false,
        ..HALF
    };
    let (state, actions) = next(&LinkState::Connected, &Event::Silent, once);
    assert_eq!(actions, [Action::Restart]);
    let late = Moment {
        now: NOW + 5_000.0,
        ..once
    };
    let (state, actions) = next(&state, &Event::Time, late);
    assert_eq!(state, LinkState::Failed(Failure::Silent));
    assert_eq!(actions, [Action::Close]);
}

#[test]
fn who_may_not_come_is_not_tried_for_again() {
    for code in [Code::Unauthorized, Code::Forbidden] {
        let failure = Failure::Refused(SignalingError::new(code, "no"));
        let state = trying(3, opening(Step::Signalling, NOW), Failure::Silent);
        let (state, actions) = next(&state, &Event::Lost(failure.clone()), HALF);
        assert_eq!(
            (state, actions),
            (LinkState::Failed(failure), vec![Action::Close])
        );
    }
}

#[test]
fn a_server_that_wants_the_link_elsewhere_is_left_when_there_is_another_session() {
    let (state, actions) = next(&LinkState::Connected, &Event::GoAway, HALF);
    assert_eq!(actions, [Action::OpenNext]);
    assert!(state.has_session() && state.step().is_none());
    // It is full, or still the one that stops: it says when to come back, and the session goes on.
    let drains = Failure::ShuttingDown {
        retry_after: Some(Duration::from_secs(4)),
    };
    let (state, actions) = next(&state, &Event::NextLost(drains), HALF);
    assert_eq!(
        state,
        moving(
            2,
            Try::Waiting {
                until: NOW + 6_000.0,
                not_before: NOW + 4_000.0
            }
        )
    );
    assert_eq!(actions, [Action::CloseNext]);
    // A look at the page is no reason to come before.
    let (state, actions) = next(&state, &Event::Seen, at(NOW + 1_000.0));
    assert_eq!((deadline(&state), actions), (Some(NOW + 4_000.0), vec![]));
    let (state, actions) = next(&state, &Event::NetworkChanged, at(NOW + 2_000.0));
    assert_eq!(
        (deadline(&state), actions),
        (Some(NOW + 4_000.0), vec![Action::Restart])
    );
    let (state, actions) = next(&state, &Event::Time, at(NOW + 4_000.0));
    assert_eq!(actions, [Action::OpenNext]);
    let moved = next(&state, &Event::NextOpened, at(NOW + 4_100.0));
    assert_eq!(moved, (LinkState::Connected, vec![Action::Move]));
    // Where it stops before that, the try goes on as that of a link without a session.
    let (state, actions) = next(&state, &Event::Lost(Failure::Ended), at(NOW + 4_050.0));
    assert_eq!(
        (state.step(), actions),
        (Some(Step::Signalling), vec![Action::Replace])
    );
    let (state, actions) = next(&state, &Event::Opened, at(NOW + 4_100.0));
    assert_eq!((state, actions), (LinkState::Connected, vec![]));
    // Who wants one session alone stays on it for as long as it lasts.
    let once = Moment {
        reconnect: false,
        ..HALF
    };
    let stays = next(&LinkState::Connected, &Event::GoAway, once);
    assert_eq!(stays, (LinkState::Connected, vec![]));
}

#[test]
fn a_websocket_is_tried_beside_data_channels_that_take_long() {
    let (state, actions) = next(&LinkState::Idle, &Event::Start, HALF);
    assert_eq!(
        (deadline(&state), actions),
        (Some(NOW + 1_500.0), vec![Action::Open])
    );
    let (state, actions) = next(&state, &Event::Time, at(NOW + 1_500.0));
    assert_eq!(
        (deadline(&state), actions),
        (Some(NOW + 15_000.0), vec![Action::OpenSocket])
    );
    // It opens first: the link has a session, and goes on to try for the better one.
    let open = next(&state, &Event::NextOpened, at(NOW + 1_700.0));
    let by_socket = moving_for(Reason::Better, 1, opening(Step::Signalling, NOW + 15_000.0));
    assert_eq!(open, (by_socket.clone(), vec![Action::Swap]));
    assert!(open.0.has_session() && open.0.reason().is_empty());
    let moved = next(&by_socket, &Event::NextOpened, at(NOW + 2_000.0));
    assert_eq!(moved, (LinkState::Connected, vec![Action::Move]));
    // It does not, and the data channels have their time.
    let (left, actions) = next(&state, &Event::NextLost(refused()), at(NOW + 1_700.0));
    assert_eq!(
        (left.step(), actions),
        (Some(Step::Signalling), vec![Action::CloseNext])
    );
    // They open first.
    let opened = next(&state, &Event::Opened, at(NOW + 1_700.0));
    assert_eq!(opened, (LinkState::Connected, vec![Action::CloseNext]));
    // Where it was the way of late, it is tried at once.
    let prefers = Moment {
        prefers_socket: true,
        ..HALF
    };
    let (state, _) = next(&LinkState::Idle, &Event::Start, prefers);
    assert_eq!(deadline(&state), Some(NOW));
}

#[test]
fn a_websocket_takes_the_place_of_data_channels_that_cannot_be() {
    let no_webrtc = Failure::NoWebRtc("no".into());
    let (state, _) = next(&LinkState::Idle, &Event::Start, HALF);
    let (socket, actions) = next(&state, &Event::Lost(no_webrtc.clone()), HALF);
    assert_eq!(actions, [Action::OpenSocket, Action::Replace]);
    assert_eq!(socket, connecting_at(Step::Signalling, NOW + 15_000.0));
    // It was being tried.
    let (state, _) = next(&state, &Event::Time, at(NOW + 1_500.0));
    let (_, actions) = next(&state, &Event::Lost(Failure::NoPath), HALF);
    assert_eq!(actions, [Action::Replace]);
    // What the server has against the one it has against the other.
    let (state, actions) = next(&state, &Event::Lost(full(5)), HALF);
    assert_eq!(
        (state, actions),
        (LinkState::Failed(full(5)), vec![Action::Close])
    );
    let by_socket = Moment {
        is_by_socket: true,
        ..HALF
    };
    let (state, actions) = next(&socket, &Event::Opened, by_socket);
    let later = moving_for(Reason::Better, 1, wait(NOW + 300_000.0));
    assert_eq!((&state, actions), (&later, vec![]));
    let late = Moment {
        now: NOW + 300_000.0,
        ..by_socket
    };
    let (state, actions) = next(&state, &Event::Time, late);
    assert_eq!(actions, [Action::OpenBetter]);
    // Not yet: it stays, and tries again after as long.
    for failure in [Failure::NoPath, no_webrtc] {
        let (state, actions) = next(&state, &Event::NextLost(failure), late);
        assert_eq!(actions, [Action::CloseNext]);
        assert_eq!(deadline(&state), Some(NOW + 600_000.0));
    }
}

#[test]
fn a_link_by_websocket_that_is_lost_comes_back_by_either_way() {
    let by_socket = Moment {
        is_by_socket: true,
        prefers_socket: true,
        ..HALF
    };
    let trying = moving_for(Reason::Better, 1, opening(Step::Checking, NOW + 9_000.0));
    let waiting = moving_for(Reason::Better, 3, wait(NOW + 9_000.0));
    for state in [trying, waiting.clone()] {
        for event in [
            Event::Silent,
            Event::NetworkChanged,
            Event::Lost(Failure::Ended),
        ] {
            let (state, actions) = next(&state, &event, by_socket);
            assert_eq!(actions, [Action::Close]);
            assert_eq!(state.next_try(), Some(NOW + 250.0));
            let late = Moment {
                now: NOW + 250.0,
                ..by_socket
            };
            let (state, _) = next(&state, &Event::Time, late);
            assert_eq!(deadline(&state), Some(late.now));
        }
    }
    // A server that drains is left by the same way.
    let (state, actions) = next(&waiting, &Event::GoAway, by_socket);
    assert_eq!(actions, [Action::OpenNext]);
    let (state, actions) = next(&state, &Event::NextOpened, by_socket);
    assert_eq!(actions, [Action::Move]);
    assert_eq!(state, moving_for(Reason::Better, 1, wait(NOW + 300_000.0)));
}

/// Whatever happens, in whatever order: a link that was stopped stays so, one that is not
/// connected has something to wait for, and nothing is left open.
#[test]
fn no_order_of_events_leaves_a_link_without_a_way_on() {
    let events = events();
    let mut random = 1_u64;
    let mut draw = move || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    for _ in 0..2_000 {
        let (mut state, mut now, mut is_open, mut is_wanted) = (LinkState::Idle, 0.0, false, false);
        let (mut has_next, mut is_by_socket, mut next_is_by_socket) = (false, false, false);
        for _ in 0..40 {
            let event = &events[draw() as usize % events.len()];
            now += draw() as f64 % 4_000.0;
            let before = state.clone();
            let moment = Moment {
                is_by_socket,
                prefers_socket: draw() % 2 == 0,
                ..at(now)
            };
            let (after, actions) = next(&state, event, moment);
            state = after;
            for action in &actions {
                match action {
                    Action::Open => {
                        (is_open, has_next) = (true, false);
                        is_by_socket = false;
                    }
                    Action::Close => (is_open, has_next) = (false, false),
                    Action::Restart => assert!(is_open && before.has_session()),
                    Action::OpenNext => (has_next, next_is_by_socket) = (true, is_by_socket),
                    Action::OpenBetter => {
                        assert!(is_by_socket);
                        (has_next, next_is_by_socket) = (true, false);
                    }
                    Action::OpenSocket => {
                        assert!(!is_by_socket);
                        (has_next, next_is_by_socket) = (true, true);
                    }
                    Action::Swap => {
                        assert!(is_open && has_next && next_is_by_socket && !is_by_socket);
                        (is_by_socket, next_is_by_socket) = (true, false);
                    }
                    Action::CloseNext => assert!(std::mem::take(&mut has_next)),
                    Action::Move | Action::Replace => {
                        assert!(is_open && std::mem::take(&mut has_next));
                        is_by_socket = next_is_by_socket;
                    }
                }
            }
            match event {
                Event::Start => is_wanted = true,
                Event::Stop => is_wanted = false,
                _ => {}
            }
            let what = format!("{event:?} in {before:?}: {state:?}");
            assert!(is_wanted || !state.is_active(), "{what}");
            let needs_session = state.has_session() || state.step().is_some();
            assert_eq!(is_open, needs_session, "{what}");
            let is_moving = match state {
                LinkState::Moving {
                    attempted: Try::Opening(_),
                    ..
                } => true,
                LinkState::Connecting(attempt)
                | LinkState::Reconnecting {
                    attempted: Try::Opening(attempt),
                    ..
                } => attempt.beside == Beside::Opening,
                _ => false,
            };
            assert_eq!(has_next, is_moving, "{what}");
            if let LinkState::Moving { reason, .. } = state {
                assert!(reason == Reason::GoAway || is_by_socket, "{what}");
            }
            let is_away = matches!(state.failure(), Some(Failure::Away));
            let waits = !matches!(
                state,
                LinkState::Idle | LinkState::Connected | LinkState::Failed(_)
            );
            assert!(!waits || deadline(&state).is_some() || is_away, "{what}");
            if let Some(due) = deadline(&state) {
                let (later, _) = next(&state, &Event::Time, at(due));
                assert_ne!(later, state, "{what}");
            }
        }
    }
}
