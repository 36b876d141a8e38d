//! One peer: str0m over a path of its own.

use crate::args::Args;
use crate::figures::{Shared, Times, lateness};
use crate::moving::{Client, REST};
use crate::path::Path;
use crate::signaling::{Answer, Signaling};
use crate::topic::{self, Reading};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelData, ChannelId};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::watch;

/// How long a peer may take to open.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// str0m nominates a pair when its next check is due, twice this after the first. Of its 250 ms
/// the time to open would show little else.
const STUN_RTO: Duration = Duration::from_millis(5);
/// While peers are open their timers end together: thousands of them cost less so.
const GRID: Duration = Duration::from_millis(10);
/// What a flood keeps waiting to be sent.
const FLOOD_AHEAD: usize = 64 * 1_024;
const TIME: &str = "Server Time: ";

/// What all peers are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Open,
    Hold,
    Echo,
    /// Nothing more is measured: peers go as they are closed.
    Close,
}

/// What a peer does besides being pushed the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Listener,
    Echoer,
    Flood,
}

/// What the peers of a run share.
pub struct Run {
    pub args: Args,
    pub signaling: Signaling,
    pub figures: Shared,
    pub start: Instant,
    /// Those that read a topic.
    pub clients: RefCell<Vec<Rc<Client>>>,
    /// Where a client goes that is told to go.
    pub elsewhere: Option<Rc<Run>>,
}

pub struct Peer {
    run: Rc<Run>,
    role: Role,
    rtc: Rtc,
    path: Path,
    phase: watch::Receiver<Phase>,
    channel: Option<ChannelId>,
    /// Where it reads a topic.
    reading: Option<Reading>,
    times: Times,
    client: Rc<Client>,
    /// Whether it is the client's next session, and has brought no value yet.
    is_next: bool,
    is_leaving: bool,
    /// The session's id.
    pub id: String,
}

impl Peer {
    /// Exchanges offer and answer, and waits for the channel to open.
    pub async fn open(
        run: Rc<Run>,
        role: Role,
        phase: watch::Receiver<Phase>,
        moves: Option<Rc<Client>>,
    ) -> Result<Self, String> {
        let start = Instant::now();
        let mut builder = Rtc::builder();
        builder.set_initial_stun_rto(STUN_RTO);
        let mut rtc = builder.build(start);
        let mut changes = rtc.sdp_api();
        let reading = run.args.topic.as_ref().map(|_| Reading::new(&mut changes));
        if reading.is_none() {
            changes.add_channel(run.args.label.clone());
        }
        let (offer, pending) = changes.apply().ok_or("nothing to offer")?;
        let answer = run.signaling.offer(offer.to_sdp_string()).await?;
        let path = Path::connect(&answer.sdp, run.args.way).await?;
        apply(&mut rtc, pending, &answer, &path)?;
        let is_next = moves.is_some();
        let client = moves.unwrap_or_default();
        let mut peer = Self {
            run,
            role,
            rtc,
            path,
            phase,
            channel: None,
            reading,
            times: Times::default(),
            client,
            is_next,
            is_leaving: false,
            id: answer.id,
        };
        // At once, so that the first check does not wait for a timer.
        peer.input(None);
        let opening = async {
            while peer.channel.is_none() {
                peer.step().await?;
            }
            Ok::<_, String>(())
        };
        tokio::time::timeout(OPEN_LIMIT, opening)
            .await
            .map_err(|_| format!("no channel opened within {OPEN_LIMIT:?}"))??;
        if !is_next {
            peer.run.figures.borrow_mut().opened.push(start.elapsed());
            peer.run.clients.borrow_mut().push(peer.client.clone());
        }
        Ok(peer)
    }

    /// Does what the phases ask for, until the last or until the peer goes, elsewhere or for good.
    pub async fn serve(mut self) {
        let mut phase = Phase::Open;
        while phase != Phase::Close {
            if self.step().await.is_err() || self.channel.is_none() {
                if *self.phase.borrow() != Phase::Close {
                    self.run.figures.borrow_mut().lost += 1;
                }
                return;
            }
            if self.is_leaving
                && self
                    .client
                    .leaves
                    .get()
                    .is_some_and(|at| at <= Instant::now())
            {
                self.run.figures.borrow_mut().moved += 1;
                let _ = self.run.signaling.end(self.id).await;
                return;
            }
            let next = *self.phase.borrow_and_update();
            if next != phase {
                self.enter(phase, next);
                phase = next;
            }
            if phase == Phase::Hold && self.role == Role::Flood {
                self.flood();
            }
        }
    }

    fn enter(&mut self, last: Phase, next: Phase) {
        match next {
            Phase::Hold => self.times = Times::default(),
            Phase::Echo if self.role == Role::Echoer && self.reading.is_none() => {
                for _ in 0..self.run.args.window {
                    self.send_echo();
                }
            }
            _ => {}
        }
        if last == Phase::Hold
            && self.role != Role::Flood
            && self.reading.is_none()
            && !self.times.is_complete(SystemTime::now())
        {
            self.run.figures.borrow_mut().missed += 1;
        }
    }

    /// Waits for a datagram, a timer or a phase, and does what follows from it.
    async fn step(&mut self) -> Result<(), String> {
        self.acknowledge();
        let Some(due) = self.output()? else {
            return Err("the connection has ended".into());
        };
        let reading = self.reading.as_ref();
        let due = reading
            .and_then(|reading| reading.receiver.poll_timeout())
            .map_or(due, |at| at.min(due));
        let timer = tokio::time::sleep_until(self.on_grid(due).into());
        tokio::select! {
            received = self.path.recv() => {
                // By UDP an error is an ICMP message about the last datagram; a server that is
                // gone shows by its silence.
                if received.is_err() && self.path.protocol() == Protocol::Tcp {
                    return Err("the connection has ended".into());
                }
                if let Ok(datagram) = received {
                    self.input(Some(&datagram));
                    while let Some(datagram) = self.path.try_recv() {
                        // str0m's queues are short: what one datagram led to goes out before
                        // the next.
                        if self.output()?.is_none() {
                            return Err("the connection has ended".into());
                        }
                        self.input(Some(&datagram));
                    }
                }
            }
            () = timer => self.input(None),
            _ = self.phase.changed() => {}
        }
        Ok(())
    }

    fn on_grid(&self, due: Instant) -> Instant {
        if self.channel.is_none() {
            return due;
        }
        let since = due.saturating_duration_since(self.run.start).as_millis();
        let step = since / GRID.as_millis() + 1;
        self.run.start + GRID * u32::try_from(step).unwrap_or(u32::MAX)
    }

    fn input(&mut self, datagram: Option<&[u8]>) {
        let now = Instant::now();
        let input = match datagram.map(TryInto::try_into) {
            None => Input::Timeout(now),
            Some(Ok(contents)) => Input::Receive(
                now,
                Receive {
                    proto: self.path.protocol(),
                    source: self.path.server,
                    destination: self.path.local,
                    contents,
                },
            ),
            // Nothing that str0m knows.
            Some(Err(_)) => return,
        };
        if self.rtc.handle_input(input).is_err() {
            self.rtc.disconnect();
        }
    }

    /// Sends what there is to send; until when there is nothing more to do. `None` once the
    /// connection has ended.
    fn output(&mut self) -> Result<Option<Instant>, String> {
        loop {
            if !self.rtc.is_alive() {
                return Ok(None);
            }
            match self.rtc.poll_output().map_err(|cause| cause.to_string())? {
                Output::Timeout(due) => return Ok(Some(due)),
                Output::Transmit(datagram) => self.path.try_send(&datagram.contents),
                Output::Event(Event::ChannelOpen(id, _)) => self.opened(id),
                Output::Event(Event::ChannelClose(_)) => self.channel = None,
                Output::Event(Event::ChannelData(data)) => self.on_message(&data),
                Output::Event(_) => {}
            }
        }
    }

    fn opened(&mut self, id: ChannelId) {
        let Some(reading) = &mut self.reading else {
            self.channel = Some(id);
            return;
        };
        reading.open[usize::from(id == reading.values)] = true;
        if reading.open == [true; 2] {
            self.channel = Some(reading.control);
            let topic = self.run.args.topic.as_deref().unwrap_or_default();
            let is_active = self.role == Role::Echoer;
            let said = Reading::subscribe(topic, is_active);
            if self.is_next && !is_active {
                self.client.leaves.set(Some(Instant::now() + REST));
            }
            if let Some(mut channel) = self.rtc.channel(reading.control) {
                let _ = channel.write(false, said.as_bytes());
            }
        }
    }

    /// Takes in a packet of values.
    fn on_values(&mut self, packet: &[u8]) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        let updates = reading.receiver.handle(Instant::now(), packet);
        let is_measured = *self.phase.borrow() == Phase::Hold;
        let now = SystemTime::now();
        let mut figures = self.run.figures.borrow_mut();
        for value in updates.into_iter().flatten().filter_map(|it| it.value) {
            let Some(stamp) = topic::stamp(&value) else {
                continue;
            };
            self.client.has(stamp, is_measured);
            if std::mem::take(&mut self.is_next) {
                self.client.leaves.set(Some(Instant::now() + REST));
            }
            if is_measured {
                figures.pushed += 1;
                figures.lateness.push(lateness(stamp, now));
            }
        }
    }

    fn acknowledge(&mut self) {
        if let Some(reading) = &mut self.reading
            && let Some(message) = reading.receiver.poll_acknowledgement(Instant::now())
            && let Some(mut channel) = self.rtc.channel(reading.values)
        {
            // Where there is no room for it, a later one says the same.
            let _ = channel.write(true, &message);
        }
    }

    fn on_message(&mut self, message: &ChannelData) {
        if self
            .reading
            .as_ref()
            .is_some_and(|it| it.values == message.id)
        {
            self.on_values(&message.data);
        } else if self.reading.is_some() && topic::is_go_away(&message.data) {
            self.go();
        } else if message.binary {
            self.on_echo(&message.data);
        } else if let Some(stamp) = stamp(&message.data) {
            self.times.add(stamp);
            if *self.phase.borrow() == Phase::Hold && self.role != Role::Flood {
                let mut figures = self.run.figures.borrow_mut();
                figures.pushed += 1;
                figures.lateness.push(lateness(stamp, SystemTime::now()));
            }
        }
    }

    /// Opens the client's next session, where it is to have one.
    fn go(&mut self) {
        let Some(run) = self.run.elsewhere.clone() else {
            return;
        };
        if std::mem::replace(&mut self.is_leaving, true) {
            return;
        }
        let (role, phase, client) = (self.role, self.phase.clone(), self.client.clone());
        tokio::task::spawn_local(async move {
            let figures = run.figures.clone();
            match Peer::open(run, role, phase, Some(client)).await {
                Ok(peer) => peer.serve().await,
                Err(cause) => figures.borrow_mut().fail(cause),
            }
        });
    }

    fn on_echo(&mut self, echo: &[u8]) {
        if self.role == Role::Flood {
            self.run.figures.borrow_mut().flooded += 1;
        } else if let Some(sent) = echo.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
            && *self.phase.borrow() == Phase::Echo
        {
            let sent = self.run.start + Duration::from_nanos(sent);
            self.run
                .figures
                .borrow_mut()
                .round_trips
                .push(sent.elapsed());
            self.send_echo();
        }
    }

    fn send_echo(&mut self) {
        let mut message = vec![0; self.run.args.size];
        let now = self.run.start.elapsed().as_nanos() as u64;
        message[..8].copy_from_slice(&now.to_be_bytes());
        self.write(&message);
    }

    fn flood(&mut self) {
        let message = [0; 1_024];
        while let Some(mut channel) = self.channel.and_then(|id| self.rtc.channel(id)) {
            if channel.buffered_amount() >= FLOOD_AHEAD || !self.write(&message) {
                return;
            }
        }
    }

    /// Whether there was room.
    fn write(&mut self, message: &[u8]) -> bool {
        self.channel
            .and_then(|id| self.rtc.channel(id))
            .is_some_and(|mut channel| channel.write(true, message).unwrap_or(false))
    }
}

fn stamp(text: &[u8]) -> Option<SystemTime> {
    let time = std::str::from_utf8(text).ok()?.strip_prefix(TIME)?;
    humantime::parse_rfc3339(time).ok()
}

fn apply(
    rtc: &mut Rtc,
    pending: SdpPendingOffer,
    answer: &Answer,
    path: &Path,
) -> Result<(), String> {
    // Of the server's addresses only the one that the socket is for.
    let sdp: String = answer
        .sdp
        .lines()
        .filter(|line| !line.starts_with("a=candidate:"))
        .flat_map(|line| [line, "\r\n"])
        .collect();
    let failed = |cause: &dyn std::fmt::Display| format!("the answer cannot be used: {cause}");
    let answer = SdpAnswer::from_sdp_string(&sdp).map_err(|cause| failed(&cause))?;
    let candidate = |address, role| match path.protocol() {
        Protocol::Udp => Candidate::host(address, "udp"),
        _ => Candidate::builder()
            .tcp()
            .host(address)
            .tcptype(role)
            .build(),
    };
    let local = candidate(path.local, TcpType::Active).map_err(|cause| failed(&cause))?;
    let remote = candidate(path.server, TcpType::Passive).map_err(|cause| failed(&cause))?;
    rtc.add_local_candidate(local);
    rtc.sdp_api()
        .accept_answer(pending, answer)
        .map_err(|cause| failed(&cause))?;
    rtc.add_remote_candidate(remote);
    Ok(())
}
