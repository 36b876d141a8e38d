//! How loaded the server is: one sampler, however many subscribe.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use tickwire_server::feeds::{now, speaks};
use tickwire_server::{Channel, SendError, Sessions};
use tickwire_wire::feed::{PROTOCOL, Sample};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

/// How often a sample is taken.
const INTERVAL: Duration = Duration::from_millis(100);

/// Serves the machine's load. Copies share a sampler, which runs while anybody listens.
#[derive(Clone, Default)]
pub struct Machine(Arc<Mutex<Weak<watch::Receiver<String>>>>);

impl Machine {
    /// A feed whose sampler does not run yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a [`Sample`] ten times a second, the newest only, until the channel closes.
    ///
    /// # Errors
    /// Where the channel closes while something is being sent.
    pub async fn serve(self, channel: Channel, sessions: Sessions) -> Result<(), SendError> {
        if !speaks(&channel, PROTOCOL).await? {
            return Ok(());
        }
        let channel = channel.latest().once();
        let subscription = self.subscribe(sessions);
        let mut samples = watch::Receiver::clone(&subscription);
        loop {
            tokio::select! {
                message = channel.recv() => match message {
                    Some(_) => channel.refuse("this feed takes no messages").await?,
                    None => return Ok(()),
                },
                changed = samples.changed() => {
                    if changed.is_err() {
                        error!("nobody takes samples any more");
                        return Ok(());
                    }
                    let sample = samples.borrow_and_update().clone();
                    channel.put((), sample)?;
                }
            }
        }
    }

    /// The samples, each written once for all. The sampler runs for as long as somebody keeps
    /// what this returns.
    fn subscribe(&self, sessions: Sessions) -> Arc<watch::Receiver<String>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(samples) = running.upgrade()
            && samples.has_changed().is_ok()
        {
            return samples;
        }
        let (sender, receiver) = watch::channel(String::new());
        tokio::spawn(sample(sender, sessions));
        let samples = Arc::new(receiver);
        *running = Arc::downgrade(&samples);
        samples
    }
}

async fn sample(samples: watch::Sender<String>, sessions: Sessions) {
    let what = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let mut system = System::new_with_specifics(what);
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = samples.closed() => return,
            _ = ticks.tick() => {}
        }
        // It reads some files of /proc, which takes a fraction of a millisecond.
        system.refresh_specifics(what);
        let sample = Sample {
            time: now(),
            processors: (f64::from(system.global_cpu_usage()) / 100.0).clamp(0.0, 1.0),
            memory_used: system.used_memory(),
            memory_total: system.total_memory(),
            sessions: u32::try_from(sessions.count()).unwrap_or(u32::MAX),
        };
        // Numbers under fixed names always become JSON.
        samples.send_replace(serde_json::to_string(&sample).unwrap_or_default());
    }
}
