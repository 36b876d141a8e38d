//! Opens many peers at a Tickwire server and says what they cost and how late their data is.
//!
//! The peers are `str0m`'s, not `webrtc`'s. They share one thread, and a UDP socket each: the
//! server tells its peers apart by where they send from.

mod args;
mod cost;
mod figures;
mod moving;
mod path;
mod peer;
mod report;
mod signaling;
mod topic;
mod websocket;

use args::{Args, Way};
use cost::Cost;
use peer::{Peer, Phase, Role, Run};
use report::{Moments, Report};
use rustix::process::{Resource, getrlimit, setrlimit};
use signaling::Signaling;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::sleep;

/// How long the server has to let go of what closed peers held.
const SETTLING: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let args = match args::parse(lexopt::Parser::from_env()) {
        Ok(Some(args)) => args,
        Ok(None) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(cause) => {
            eprintln!("load: {cause}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    // A socket a peer; the usual soft limit of 1,024 is for programs that call select.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    let _ = setrlimit(Resource::Nofile, files);

    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("load: {cause}");
            return ExitCode::FAILURE;
        }
    };
    let report = LocalSet::new().block_on(&runtime, run(args));
    println!("{report}");
    if report.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(args: Args) -> Report {
    let start = Instant::now();
    let figures = figures::Shared::default();
    let at = |url: &str, elsewhere| {
        Rc::new(Run {
            signaling: Signaling::new(url, args.spread),
            figures: figures.clone(),
            clients: Default::default(),
            start,
            args: args.clone(),
            elsewhere,
        })
    };
    let elsewhere = args.drain_to.as_deref().map(|url| at(url, None));
    let run = at(&args.url, elsewhere);
    topic::produce(&run.args);
    let (phase, phases) = watch::channel(Phase::Open);
    let mut moments = Moments {
        before: costs(&run.args),
        ..Moments::default()
    };
    let ids = open_all(&run, &phases).await;
    moments.opened = costs(&run.args);
    moments.opening = run.start.elapsed();
    // What came with the opening is not part of what follows.
    sleep(Duration::from_secs(1)).await;

    phase.send_replace(Phase::Hold);
    moments.hold_start = costs(&run.args);
    let taken = topic::taken();
    if run.elsewhere.is_some() {
        run.args.pid.into_iter().for_each(moving::drain);
    }
    wait(&run, "holding", run.args.hold).await;
    moments.hold_end = costs(&run.args);
    if run.elsewhere.is_some() {
        let clients = run.clients.borrow();
        let oldest = clients.iter().filter_map(|it| it.oldest());
        run.figures.borrow_mut().oldest = oldest.collect();
    }
    moments.taken = topic::taken() - taken;

    if !run.args.echo.is_zero() {
        phase.send_replace(Phase::Echo);
        moments.echo_start = costs(&run.args);
        wait(&run, "echoing", run.args.echo).await;
        moments.echo_end = costs(&run.args);
    }

    phase.send_replace(Phase::Close);
    close_all(&run, ids).await;
    wait(&run, "settling", SETTLING).await;
    moments.closed = costs(&run.args);
    let figures = run.figures.take();
    Report::new(run.args.clone(), moments, figures)
}

/// The server's and this tool's own.
fn costs(args: &Args) -> (Option<Cost>, Option<Cost>) {
    let server = args.pid.and_then(|pid| cost::of(&pid.to_string()));
    (server, cost::of("self"))
}

/// Opens the peers, each a task of its own from then on; the ids of their sessions.
async fn open_all(run: &Rc<Run>, phases: &watch::Receiver<Phase>) -> Vec<String> {
    let roles = (0..run.args.peers).map(|number| {
        if number < run.args.active {
            Role::Echoer
        } else {
            Role::Listener
        }
    });
    let roles = roles.chain(run.args.flood.then_some(Role::Flood));
    let at_once = Arc::new(Semaphore::new(run.args.at_once));
    let (opened, mut ids) = mpsc::unbounded_channel();
    let mut progress = Progress::new();
    for role in roles {
        let Ok(turn) = at_once.clone().acquire_owned().await else {
            break;
        };
        let (run_of, phase, opened) = (run.clone(), phases.clone(), opened.clone());
        tokio::task::spawn_local(async move {
            let figures = run_of.figures.clone();
            if matches!(run_of.args.way, Way::WebSocket | Way::Plain) {
                match websocket::Client::open(run_of, phase).await {
                    Ok(client) => {
                        drop((turn, opened));
                        client.serve().await;
                    }
                    Err(cause) => figures.borrow_mut().fail(cause),
                }
                return;
            }
            match Peer::open(run_of, role, phase, None).await {
                Ok(peer) => {
                    let _ = opened.send(peer.id.clone());
                    drop((turn, opened));
                    peer.serve().await;
                }
                Err(cause) => figures.borrow_mut().fail(cause),
            }
        });
        let done = run.figures.borrow().opened.len();
        progress.show(&format!("opening: {done} of {}", run.args.peers));
    }
    drop(opened);
    let mut all = Vec::new();
    while let Some(id) = ids.recv().await {
        all.push(id);
    }
    progress.show(&format!("open: {} of {}", all.len(), run.args.peers));
    all
}

async fn close_all(run: &Rc<Run>, ids: Vec<String>) {
    let at_once = Arc::new(Semaphore::new(run.args.at_once));
    let mut closing = tokio::task::JoinSet::new();
    for id in ids {
        let (signaling, at_once) = (run.signaling.clone(), at_once.clone());
        closing.spawn(async move {
            if let Ok(_turn) = at_once.acquire().await {
                // A session that has ended already is as good.
                let _ = signaling.end(id).await;
            }
        });
    }
    while closing.join_next().await.is_some() {}
}

async fn wait(run: &Run, what: &str, time: Duration) {
    let mut progress = Progress::new();
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let (times, echoes) = {
            let figures = run.figures.borrow();
            (figures.pushed, figures.round_trips.len())
        };
        let left_s = left.as_secs_f64();
        progress.show(&format!(
            "{what}: {left_s:.0} s left, {times} times, {echoes} echoes"
        ));
        sleep(left.min(Duration::from_millis(500))).await;
    }
}

/// One line that is written over on a terminal, a line each 5 s elsewhere.
struct Progress {
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            shown: None,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, text: &str) {
        let pause = Duration::from_millis(if self.is_terminal { 500 } else { 5_000 });
        if self.shown.is_some_and(|shown| shown.elapsed() < pause) {
            return;
        }
        self.shown = Some(Instant::now());
        let mut out = std::io::stderr();
        let _ = if self.is_terminal {
            write!(out, "\r\x1b[K{text}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{text}")
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
