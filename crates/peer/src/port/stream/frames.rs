//! Datagrams on a connection, each behind its length (RFC 4571 section 2).

/// The longest that is taken, in bytes: more than a datagram of WebRTC has (RFC 8831 section 5).
const MAX_FRAME: usize = 2_048;
/// The bytes of a length.
const LENGTH: usize = 2;

/// A frame is longer than any client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes")]
pub struct TooLong(usize);

/// What has come and is no whole frame yet.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// How many bytes can be taken at once.
    pub const ROOM: usize = LENGTH + MAX_FRAME;

    /// Takes what has come, and gives each frame that is whole by it to `take`. One without content is
    /// none: it keeps a connection alive.
    ///
    /// # Errors
    /// Where a frame is longer than 2,048 bytes; there is nothing to be read behind it.
    pub fn take(&mut self, came: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), TooLong> {
        self.bytes.extend_from_slice(came);
        let mut rest = self.bytes.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<LENGTH>() {
            let length = usize::from(u16::from_be_bytes(*length));
            if length > MAX_FRAME {
                return Err(TooLong(length));
            }
            let Some((frame, behind)) = behind.split_at_checked(length) else {
                break;
            };
            if !frame.is_empty() {
                take(frame);
            }
            rest = behind;
        }
        let taken = self.bytes.len() - rest.len();
        self.bytes.drain(..taken);
        Ok(())
    }
}

/// Adds a frame to what is to be written. A datagram of a peer's is shorter than its length can say.
pub fn write(out: &mut Vec<u8>, datagram: &[u8]) {
    let Ok(length) = u16::try_from(datagram.len()) else {
        return;
    };
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(datagram);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        /// However a connection cuts it, what is written is read.
        #[test]
        fn frames_come_out_as_they_went_in(
            datagrams in vec(vec(any::<u8>(), 0..=MAX_FRAME), 0..8),
            pieces in vec(1_usize..500, 1..50),
        ) {
            let mut written = Vec::new();
            for datagram in &datagrams {
                write(&mut written, datagram);
            }
            let mut frames = Frames::default();
            let mut read = Vec::new();
            let mut rest = written.as_slice();
            for piece in pieces.iter().cycle() {
                let (came, behind) = rest.split_at(rest.len().min(*piece));
                frames.take(came, |frame| read.push(frame.to_vec())).unwrap();
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            let expected: Vec<_> = datagrams.into_iter().filter(|it| !it.is_empty()).collect();
            prop_assert_eq!(read, expected);
            prop_assert!(frames.bytes.is_empty());
        }

        #[test]
        fn whatever_comes_no_more_is_kept_than_a_frame(came in vec(vec(any::<u8>(), 0..3_000), 0..20)) {
            let mut frames = Frames::default();
            for came in came {
                if frames.take(&came, |frame| assert!(frame.len() <= MAX_FRAME)).is_err() {
                    return Ok(());
                }
                prop_assert!(frames.bytes.len() < Frames::ROOM);
            }
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_told_by_its_length() {
        let mut frames = Frames::default();
        let refused = frames.take(b"GET / HTTP/1.1", |_| panic!("there is none"));
        assert_eq!(refused, Err(TooLong(0x4745)));
    }
}
