//! Keeps what strangers send in place of a DTLS handshake away from `rtc-dtls`.
//!
//! A handshake message may come in fragments (RFC 6347 section 4.2.3). `rtc-dtls` 0.21.1 puts
//! them together by recursion, a level a fragment, and keeps them without a bound on their number;
//! so some ten thousand fragments of one byte, which anybody can send who has posted an offer,
//! overflow the stack and end the process. Records of the next epoch it keeps without any bound.
//! So a peer has a budget of fragments, several times what a handshake takes on a network that
//! loses half of its datagrams; and a fragment that no sender makes is not let through at all.

/// How many fragments a peer may send, in all. A handshake is some seven messages, of two
/// fragments at most each, and what is lost is repeated less than ten times before the opening is
/// given up.
const BUDGET: usize = 512;
/// The largest message that is put together: a chain of certificates is a few thousand bytes.
const MAX_MESSAGE: usize = 1 << 14;

/// RFC 6347 section 4.1: the header of a record, and where its epoch and its length stand.
const RECORD_HEADER: usize = 13;
const EPOCH: usize = 3;
const LENGTH: usize = 11;
/// Section 4.2.2: the header of a fragment.
const FRAGMENT_HEADER: usize = 12;
/// RFC 5246 section 6.2.1: content types.
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;

/// What one peer has sent of handshakes.
#[derive(Debug, Default)]
pub struct Handshake {
    fragments: usize,
    /// Whether the server has what it takes to read encrypted records.
    is_done: bool,
}

impl Handshake {
    /// Takes note of a datagram that the server sends.
    pub fn on_sent(&mut self, dtls: &[u8]) {
        // It leads the server's last flight (RFC 6347 section 4.2.4).
        self.is_done |= dtls.first() == Some(&CHANGE_CIPHER_SPEC);
    }

    /// Whether a datagram that came is to be let through.
    pub fn admits(&mut self, dtls: &[u8]) -> bool {
        match self.fragments_of(dtls) {
            Some(0) => true,
            Some(fragments) if self.fragments + fragments <= BUDGET => {
                self.fragments += fragments;
                true
            }
            _ => false,
        }
    }

    /// How many fragments `rtc-dtls` may find in a datagram, or records that it would keep; `None`
    /// where one is not as a sender makes it. A datagram that is cut short it drops itself.
    fn fragments_of(&self, mut dtls: &[u8]) -> Option<usize> {
        let mut fragments = 0;
        while let Some((header, rest)) = dtls.split_first_chunk::<RECORD_HEADER>() {
            let number = |at: usize| usize::from(u16::from_be_bytes([header[at], header[at + 1]]));
            let Some((record, after)) = rest.split_at_checked(number(LENGTH)) else {
                break;
            };
            let is_encrypted = number(EPOCH) > 0;
            fragments += match header[0] {
                HANDSHAKE if !is_encrypted => plain(record)?,
                // What is in it is not known: it cannot be more than headers fit in.
                HANDSHAKE => 1 + record.len() / FRAGMENT_HEADER,
                _ if is_encrypted && !self.is_done => 1 + record.len() / FRAGMENT_HEADER,
                _ => 0,
            };
            dtls = after;
        }
        Some(fragments)
    }
}

/// How many fragments a record has that is not encrypted.
fn plain(mut record: &[u8]) -> Option<usize> {
    let mut fragments = 0;
    while !record.is_empty() {
        let (header, rest) = record.split_first_chunk::<FRAGMENT_HEADER>()?;
        let number = |at: usize| {
            let [high, middle, low] = [header[at], header[at + 1], header[at + 2]];
            u32::from_be_bytes([0, high, middle, low]) as usize
        };
        let (message, offset, length) = (number(1), number(6), number(9));
        if length == 0 || offset + length > message || message > MAX_MESSAGE {
            return None;
        }
        if rest.len() < length {
            return None;
        }
        // Where the message goes on elsewhere, `rtc-dtls` takes all the rest for this fragment.
        record = &rest[message.min(rest.len())..];
        fragments += 1;
    }
    Some(fragments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u8, body: &[u8]) -> Vec<u8> {
        let mut record = vec![kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0];
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    }

    fn fragment(message: usize, offset: usize, data: &[u8]) -> Vec<u8> {
        let number = |number: usize| (number as u32).to_be_bytes();
        let mut fragment = vec![1];
        fragment.extend(&number(message)[1..]);
        fragment.extend([0, 0]);
        fragment.extend(&number(offset)[1..]);
        fragment.extend(&number(data.len())[1..]);
        fragment.extend(data);
        record(HANDSHAKE, 0, &fragment)
    }

    fn admitted(mut datagrams: impl Iterator<Item = Vec<u8>>) -> usize {
        let mut handshake = Handshake::default();
        let mut count = 0;
        while datagrams.next().is_some_and(|next| handshake.admits(&next)) {
            count += 1;
        }
        count
    }

    #[test]
    fn a_handshake_is_let_through_and_repeated_often() {
        // A ClientHello in two datagrams, twice, a certificate, two more, and Finished.
        let flights = [
            [
                fragment(1_400, 0, &[1; 1_150]),
                fragment(1_400, 1_150, &[1; 250]),
            ],
            [
                fragment(1_400, 0, &[1; 1_150]),
                fragment(1_400, 1_150, &[1; 250]),
            ],
            [
                [fragment(300, 0, &[2; 300]), fragment(66, 0, &[3; 66])].concat(),
                [
                    fragment(80, 0, &[4; 80]),
                    record(CHANGE_CIPHER_SPEC, 0, &[1]),
                    record(HANDSHAKE, 1, &[5; 48]),
                ]
                .concat(),
            ],
        ];
        let mut handshake = Handshake::default();
        for datagram in flights.iter().flatten().cycle().take(6 * 20) {
            assert!(handshake.admits(datagram));
        }
    }

    #[test]
    fn fragments_are_bounded_in_number_however_they_come() {
        let single = |number: usize| fragment(10_000, 9_999 - number, b"x");
        assert_eq!(admitted((0..10_000).map(single)), BUDGET);
        let many = |number: usize| (0..30).flat_map(|at| single(number * 30 + at)).collect();
        assert_eq!(admitted((0..300).map(many)), BUDGET / 30);
        let same = |_| fragment(10_000, 5, b"x");
        assert_eq!(admitted((0..10_000).map(same)), BUDGET);
        let encrypted = |_| record(HANDSHAKE, 1, &[0; 48]);
        assert_eq!(admitted((0..10_000).map(encrypted)), BUDGET / 5);
        let early = |_| record(23, 1, &[0; 1_200]);
        assert_eq!(admitted((0..10_000).map(early)), BUDGET / 101);
    }

    #[test]
    fn what_no_sender_makes_is_not_let_through() {
        let mut two = fragment(300, 0, b"x");
        two.extend(fragment(300, 1, b""));
        for datagram in [
            fragment(300, 0, b""),
            fragment(300, 299, b"xx"),
            fragment(MAX_MESSAGE + 1, 0, b"x"),
            record(HANDSHAKE, 0, b"short"),
            two,
        ] {
            assert!(!Handshake::default().admits(&datagram), "{datagram:?}");
        }
    }

    #[test]
    fn data_is_let_through_without_end_once_the_handshake_is_done() {
        let mut handshake = Handshake::default();
        handshake.on_sent(&record(CHANGE_CIPHER_SPEC, 0, &[1]));
        let data = record(23, 1, &[0; 1_200]);
        assert!((0..10_000).all(|_| handshake.admits(&data)));
        assert!(handshake.admits(&[]));
    }
}
