//! The Data Channel Establishment Protocol (RFC 8832).

use std::time::Duration;

use super::event::{ChannelInit, Limit, Reliability};
use super::wire::{u16_at, u32_at};

/// The message DATA_CHANNEL_ACK (RFC 8832 section 5.2).
pub(super) const ACK: &[u8] = &[2];

/// The first byte of DATA_CHANNEL_OPEN.
pub(super) const OPEN: u8 = 3;

/// The largest OPEN that is looked at, in bytes.
pub(super) const MAX_OPEN: usize = 4_096;

/// Reads a DATA_CHANNEL_OPEN (RFC 8832 section 5.1) that came on stream `id`.
///
/// `None` if it is something else, is cut, is of an unknown channel type, has a label or protocol
/// longer than `max_label` bytes, or one that is not UTF-8. The priority is not used.
pub(super) fn read_open(id: u16, message: &[u8], max_label: usize) -> Option<ChannelInit> {
    let [OPEN, channel_type, ..] = *message else {
        return None;
    };
    let parameter = u32_at(message, 4)?;
    let label_length = usize::from(u16_at(message, 8)?);
    let protocol_length = usize::from(u16_at(message, 10)?);
    if label_length.max(protocol_length) > max_label {
        return None;
    }
    let text = message.get(12..)?;
    let label = text.get(..label_length)?;
    let protocol = text.get(label_length..label_length + protocol_length)?;
    let limit = match channel_type & 0x7f {
        0 => None,
        1 => Some(Limit::Retransmits(parameter)),
        2 => Some(Limit::Lifetime(Duration::from_millis(parameter.into()))),
        _ => return None,
    };
    Some(ChannelInit {
        id,
        label: str::from_utf8(label).ok()?.to_owned(),
        protocol: str::from_utf8(protocol).ok()?.to_owned(),
        reliability: Reliability {
            ordered: channel_type & 0x80 == 0,
            limit,
        },
    })
}

#[cfg(test)]
pub(super) fn write_open(init: &ChannelInit) -> Vec<u8> {
    let (kind, parameter) = match init.reliability.limit {
        None => (0, 0),
        Some(Limit::Retransmits(times)) => (1, times),
        Some(Limit::Lifetime(time)) => (2, u32::try_from(time.as_millis()).unwrap()),
    };
    let unordered = if init.reliability.ordered { 0 } else { 0x80 };
    let mut message = vec![OPEN, kind | unordered, 0, 0];
    message.extend(parameter.to_be_bytes());
    for text in [&init.label, &init.protocol] {
        message.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    }
    message.extend(init.label.as_bytes());
    message.extend(init.protocol.as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(reliability: Reliability) -> ChannelInit {
        ChannelInit {
            id: 6,
            label: "prices é".into(),
            protocol: "json".into(),
            reliability,
        }
    }

    #[test]
    fn every_channel_type_is_read() {
        let limits = [
            None,
            Some(Limit::Retransmits(3)),
            Some(Limit::Lifetime(Duration::from_millis(250))),
        ];
        for ordered in [true, false] {
            for limit in limits {
                let init = init(Reliability { ordered, limit });
                assert_eq!(read_open(6, &write_open(&init), 16), Some(init));
            }
        }
    }

    #[test]
    fn a_cut_open_is_no_open() {
        let message = write_open(&init(Reliability::default()));
        for end in 0..message.len() {
            assert_eq!(read_open(6, &message[..end], 16), None);
        }
    }

    #[test]
    fn a_long_label_an_unknown_type_and_bad_text_are_refused() {
        let message = write_open(&init(Reliability::default()));
        assert_eq!(read_open(6, &message, 8), None);
        let mut unknown = message.clone();
        unknown[1] = 3;
        assert_eq!(read_open(6, &unknown, 16), None);
        let mut bad = message;
        bad[12] = 0xff;
        assert_eq!(read_open(6, &bad, 16), None);
    }
}
