//! How much one may have of a server that others share.

use super::{bounds, values};
use governor::Quota;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// How many seconds' worth may come at once.
const BURST: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// Limits that a normal user never meets: the table `[limit]` of a file. What meets one is told
/// which, and when to come again. An address is one of IPv4, or a /64 of IPv6.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitConfig {
    /// Sessions of an address, pending ones included. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub sessions_per_address: usize,
    /// Sessions of a user whose token does not say how many. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub sessions_per_user: usize,
    /// Sessions that were answered and whose client has not connected yet. Where there are as many, the
    /// oldest of the address with the most goes. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub pending: usize,
    /// Those of an address. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub pending_per_address: usize,
    /// How long after an answer, the newest there is, the client's first connectivity check may take. 1 s to 10 min.
    #[serde(deserialize_with = "values::duration", serialize_with = "humantime")]
    pub check_timeout: Duration,
    /// Offers a second from an address; four times as many at once. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub offers_per_second: usize,
    /// Values a second that a session publishes; four times as many at once. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub values_per_second: usize,
    /// Messages about topics that have to be refused, before the channel on which they come is closed.
    /// 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub refusals: usize,
    /// Sessions with which the server says that it is not ready for more (`/health/ready`). 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub ready_sessions: usize,
    /// Connections of HTTP; one more waits. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub connections: usize,
    /// Those of an address that is not one of a trusted proxy; one more is closed. 1 to 1,000,000.
    #[serde(deserialize_with = "values::count")]
    pub connections_per_address: usize,
    /// How long the head of a request may take, and a connection be without one. 1 s to 10 min.
    #[serde(deserialize_with = "values::duration", serialize_with = "humantime")]
    pub head_timeout: Duration,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            sessions_per_address: 256,
            sessions_per_user: 16,
            pending: 1_024,
            pending_per_address: 64,
            check_timeout: Duration::from_secs(3),
            offers_per_second: 50,
            values_per_second: 1_000,
            refusals: 100,
            ready_sessions: 1_000_000,
            connections: 10_000,
            connections_per_address: 512,
            head_timeout: Duration::from_secs(10),
        }
    }
}

impl LimitConfig {
    /// Each with its name, and whether it is within its bounds.
    pub(super) fn checks(&self) -> impl Iterator<Item = (&'static str, Result<(), String>)> {
        let counts = [
            ("limit.sessions_per_address", self.sessions_per_address),
            ("limit.sessions_per_user", self.sessions_per_user),
            ("limit.pending", self.pending),
            ("limit.pending_per_address", self.pending_per_address),
            ("limit.offers_per_second", self.offers_per_second),
            ("limit.values_per_second", self.values_per_second),
            ("limit.refusals", self.refusals),
            ("limit.ready_sessions", self.ready_sessions),
            ("limit.connections", self.connections),
            (
                "limit.connections_per_address",
                self.connections_per_address,
            ),
        ];
        let times = [
            ("limit.check_timeout", self.check_timeout),
            ("limit.head_timeout", self.head_timeout),
        ];
        let counts = counts.map(|(name, count)| (name, bounds::COUNT.check(count)));
        let times = times.map(|(name, time)| (name, bounds::check_time(time)));
        counts.into_iter().chain(times)
    }
}

/// So many a second, and four times as many at once.
pub fn quota(per_second: usize) -> Quota {
    let rate = u32::try_from(per_second).unwrap_or(u32::MAX);
    let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST))
}

fn humantime<S: serde::Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&humantime::format_duration(*time))
}
