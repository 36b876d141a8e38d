//! Looks at what the SCTP engine sends.

use bytes::{Bytes, BytesMut};

use super::inbound::Intake;
use super::wire::{self, Builder, Chunks, Header, u16_at, u32_at};

/// Gap blocks that fit in a packet beside the rest of a SACK.
const MAX_GAPS: u16 = 280;

/// Where the window, the counts and the gap blocks of a SACK are, from its value's start.
const SACK_WINDOW: usize = 4;
const SACK_GAPS: usize = 12;

/// Changes a batch of packets from the engine into what is sent.
///
/// - Its own RE-CONFIG chunks are dropped, since resets are made here.
/// - A SACK states no window while too many chunks are held, and fits in a packet. It shares that
///   of the first DATA where there is room (RFC 9260 section 6.10).
/// - Where `asks`, the last DATA of a batch asks to be acknowledged at once (the I bit; section 6.1
///   suggests it when the sender has nothing more to send now). Browsers hold back an
///   acknowledgement for up to 200 ms, which is our least retransmission timeout, so without it a
///   lone message would be sent twice.
pub(super) fn prepare(batch: Vec<Bytes>, intake: &mut Intake, asks: bool) -> Vec<Bytes> {
    let mut packets: Vec<Bytes> = Vec::with_capacity(batch.len());
    let mut last_data = None;
    let mut joined = None;
    // The engine gives it after the DATA.
    let is_sack = |packet: &Bytes| packet.get(wire::HEADER) == Some(&wire::SACK);
    let sack = batch.iter().find(|packet| is_sack(packet)).cloned();
    let mut sack = sack.map(|packet| acknowledgement(packet, intake));
    for packet in batch {
        match packet.get(wire::HEADER) {
            Some(&wire::RE_CONFIG) => continue,
            Some(&wire::SACK) => packets.extend(sack.take()),
            Some(&wire::DATA) => {
                let before = sack.take_if(|before| joins(before, &packet));
                let shift = before
                    .as_ref()
                    .map_or(0, |before| before.len() - wire::HEADER);
                for chunk in Chunks::of(&packet).filter(|it| it.kind == wire::DATA) {
                    last_data = Some((packets.len(), chunk.start + shift));
                }
                packets.push(match before {
                    Some(before) => {
                        joined = Some(packets.len());
                        [&before[..], &packet[wire::HEADER..]].concat().into()
                    }
                    None => packet,
                });
            }
            _ => packets.push(packet),
        }
    }
    let asking = last_data.filter(|_| asks);
    for at in [joined, asking.map(|(at, _)| at)].into_iter().flatten() {
        let Some(packet) = packets.get_mut(at) else {
            continue;
        };
        let mut bytes = BytesMut::from(std::mem::take(packet));
        if let Some((_, chunk)) = asking.filter(|(asked, _)| *asked == at)
            && let Some(flags) = bytes.get_mut(chunk + 1)
        {
            *flags |= wire::DATA_IMMEDIATE;
        }
        *packet = wire::sealed(bytes);
    }
    packets
}

/// Whether a SACK is alone in its packet, and the DATA fits behind it.
fn joins(before: &Bytes, data: &Bytes) -> bool {
    let is_lone = Chunks::of(before).count() == 1 && before.len().is_multiple_of(4);
    let length = before.len() + data.len() - wire::HEADER;
    is_lone && length <= wire::MTU as usize
}

fn acknowledgement(packet: Bytes, intake: &mut Intake) -> Bytes {
    let Some(chunk) = Chunks::of(&packet).next() else {
        return packet;
    };
    let (Some(cumulative), Some(window), Some(gaps)) = (
        u32_at(chunk.value, 0),
        u32_at(chunk.value, SACK_WINDOW),
        u16_at(chunk.value, 8),
    ) else {
        return packet;
    };
    let stated = intake.acknowledge(cumulative, window);
    // The TSN after the cumulative one is missing, so no gap block begins before the second. The
    // engine gets them wrong while TSNs wrap; then they are left out.
    let wrong = (0..usize::from(gaps))
        .any(|block| u16_at(chunk.value, SACK_GAPS + 4 * block).is_none_or(|start| start < 2));
    let kept = if wrong { 0 } else { gaps.min(MAX_GAPS) };
    if stated == window && kept == gaps {
        return packet;
    }
    let Some(header) = Header::read(&packet) else {
        return packet;
    };
    let mut value = Vec::with_capacity(SACK_GAPS + 4 * usize::from(kept));
    value.extend(cumulative.to_be_bytes());
    value.extend(stated.to_be_bytes());
    value.extend(kept.to_be_bytes());
    value.extend([0, 0]);
    let blocks = chunk
        .value
        .get(SACK_GAPS..SACK_GAPS + 4 * usize::from(kept));
    value.extend(blocks.unwrap_or_default());
    Builder::new(header, packet.len())
        .chunk(wire::SACK, 0, &value)
        .finish()
}
