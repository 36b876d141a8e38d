//! What all associations of a server share.

use std::sync::Arc;

use rtc_sctp::{
    EndpointConfig, ServerConfig, TimerConfig, TransportConfig, max_payload_size_for_mtu,
};

use super::wire::MTU;

/// The bounds of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SctpLimits {
    /// The most channels at one time. One more that the browser announces is closed at once.
    pub max_channels: usize,
    /// The largest message that is taken, in bytes; to be stated as `a=max-message-size`. A larger
    /// one is dropped.
    pub max_message_bytes: u32,
    /// Bytes that are held for all channels until they are received; at least
    /// `max_message_bytes` and 4,096. Chunks are counted too: at most one for 256 of these bytes.
    pub receive_window: u32,
    /// The longest label and the longest protocol of an announced channel, in bytes; at most
    /// 4,084 together. A channel with a longer one is closed at once.
    pub max_label_bytes: usize,
}

impl Default for SctpLimits {
    fn default() -> Self {
        Self {
            max_channels: 64,
            max_message_bytes: 65_536,
            receive_window: 262_144,
            max_label_bytes: 1_024,
        }
    }
}

/// The limits, and the SCTP engine's settings that are made of them.
#[derive(Clone, Debug)]
pub struct SctpConfig {
    pub(super) limits: SctpLimits,
    pub(super) endpoint: Arc<EndpointConfig>,
    pub(super) server: Arc<ServerConfig>,
}

impl SctpConfig {
    /// Makes the configuration; a receive window that is too small is raised.
    pub fn new(mut limits: SctpLimits) -> Self {
        let least = limits.max_message_bytes.max(4_096);
        limits.receive_window = limits.receive_window.max(least);
        let mut endpoint = EndpointConfig::new();
        endpoint.max_payload_size(max_payload_size_for_mtu(MTU));
        // The session's silence limit ends an association, not a count of retransmissions.
        let timers = TimerConfig {
            max_t3_rtx_retrans: usize::MAX,
            max_reconfig_retrans: usize::MAX,
            ..TimerConfig::default()
        };
        // The browser's limit is checked before a message reaches the engine.
        let transport = TransportConfig::default()
            .with_max_receive_buffer_size(limits.receive_window)
            .with_max_message_size(u32::MAX)
            .with_timer_config(timers);
        Self {
            limits,
            endpoint: Arc::new(endpoint),
            server: Arc::new(ServerConfig::new(transport)),
        }
    }

    /// The limits as they are in force.
    pub fn limits(&self) -> SctpLimits {
        self.limits
    }
}
