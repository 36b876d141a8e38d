//! Who is let in: limits of sessions, by network and by user.
//!
//! An offer costs a stranger nothing, so it gets nothing that another would lack: a pending place, of
//! which each network has its share, and which ends soon where nothing comes of it. A place that counts
//! is had by who has proven that it receives what is sent to it.

mod connections;
mod network;
mod places;

pub use connections::Connections;
pub use network::Network;
pub use places::{Asker, Met};

use crate::config::{LimitConfig, SessionConfig, quota};
use crate::lock::lock;
use crate::stats::Count;
use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use places::{Bounds, Places};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tickwire_wire::signaling::{Code, SignalingError};
use tokio_util::sync::CancellationToken;

/// How many networks' rates are kept; beyond it, those that have rested are forgotten before their time.
const RATES: usize = 100_000;
/// When to come again where a place may be free.
const SOON: Duration = Duration::from_secs(5);

/// Who is let in.
pub struct Admission {
    limits: LimitConfig,
    max: usize,
    places: Mutex<Places>,
    rates: RateLimiter<Network, HashMapStateStore<Network>, DefaultClock>,
    /// How often each limit was met.
    met: [Count; Met::ALL.len()],
}

impl Admission {
    pub fn new(session: &SessionConfig, limits: &LimitConfig) -> Self {
        Self {
            limits: limits.clone(),
            max: session.max,
            places: Mutex::new(Places::new(Bounds {
                open: session.max,
                open_of_network: limits.sessions_per_address,
                pending: limits.pending,
                pending_of_network: limits.pending_per_address,
            })),
            rates: RateLimiter::hashmap(quota(limits.offers_per_second)),
            met: Default::default(),
        }
    }

    /// Whether this network may bring one more offer now. To be asked before anything is done for it.
    ///
    /// # Errors
    /// [`Code::TooMany`], and when to come again.
    pub fn knock(&self, network: Option<Network>) -> Result<(), SignalingError> {
        let Some(network) = network else {
            return Ok(());
        };
        if self.rates.len() > RATES {
            self.rates.retain_recent();
        }
        self.rates.check_key(&network).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let rate = self.limits.offers_per_second;
            self.met[Met::Offers as usize].add(1);
            let what = format!("More than {rate} offers a second come from this address");
            too_many(&what, "offers-per-second", wait)
        })
    }

    /// A pending place for the session of this number, which `ending` ends.
    ///
    /// # Errors
    /// [`Code::Full`] or [`Code::TooMany`]: which limit is met, and when to come again.
    pub fn enter(
        self: &Arc<Self>,
        number: u64,
        asker: Asker,
        ending: CancellationToken,
    ) -> Result<Place, SignalingError> {
        let of_user = asker.user.as_ref().map_or(0, |(_, most)| *most);
        let entered = lock(&self.places).enter(number, asker, ending);
        entered.map_err(|met| {
            self.met[met as usize].add(1);
            self.refusal(met, of_user)
        })?;
        Ok(Place {
            admission: self.clone(),
            number,
        })
    }

    fn refusal(&self, met: Met, of_user: usize) -> SignalingError {
        let limits = &self.limits;
        let full =
            |what: String| SignalingError::new(Code::Full, format!("{what} Try again soon."));
        match met {
            Met::Open => full(format!("All {} places of this server are taken.", self.max)),
            Met::Offers | Met::Pending => full(format!(
                "As many connections are being opened as this server allows: {}.",
                limits.pending
            )),
            Met::OpenOfNetwork => {
                let most = limits.sessions_per_address;
                let what = format!("{most} sessions are open from this address");
                too_many(&what, "sessions-per-address", SOON)
            }
            Met::PendingOfNetwork => {
                let most = limits.pending_per_address;
                let what = format!("{most} connections are being opened from this address");
                too_many(&what, "pending-per-address", SOON)
            }
            Met::OfUser => {
                let what = format!("This user has {of_user} sessions open");
                too_many(&what, "sessions-per-user", SOON)
            }
        }
    }

    /// How often this limit was met.
    pub fn met(&self, met: Met) -> u64 {
        self.met[met as usize].get()
    }

    /// How many sessions there are, pending ones included.
    pub fn count(&self) -> usize {
        lock(&self.places).count()
    }

    /// Whether no place is free.
    pub fn is_full(&self) -> bool {
        lock(&self.places).is_full()
    }

    /// How many of them are pending.
    pub fn pending(&self) -> usize {
        lock(&self.places).pending()
    }
}

fn too_many(what: &str, limit: &str, wait: Duration) -> SignalingError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message =
        format!("{what}, as many as this server allows ({limit}). Try again in {seconds} s.");
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    SignalingError::new(Code::TooMany, message).retry_after(seconds)
}

/// A session's place, which is given back when this is dropped.
pub struct Place {
    admission: Arc<Admission>,
    number: u64,
}

impl Place {
    /// The session's client has proven that it receives what is sent to it. False where no place is
    /// free any more: the session is to end.
    pub fn open(&self) -> bool {
        lock(&self.admission.places).open(self.number)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.admission.places).leave(self.number);
    }
}
