//! What a trial sends, and the server sends back as it is.

/// A message of a trial: 16 bytes that say which it is, and as much padding as its size asks for.
///
/// | bytes | |
/// |---|---|
/// | 0 to 3 | the run, a number |
/// | 4 to 7 | which message of the run it is, from 0 on |
/// | 8 to 15 | when it was sent: milliseconds, IEEE 754 binary64 |
/// | from 16 on | zeros |
///
/// All in network byte order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message {
    /// Which run it is of.
    pub run: u32,
    /// Which message of its run it is, from 0 on.
    pub number: u32,
    /// When it was sent, in milliseconds.
    pub sent: f64,
}

impl Message {
    /// How many bytes the smallest message has.
    pub const HEADER: usize = 16;

    /// Writes it to the beginning of `message`, and leaves the padding as it is; nothing where
    /// there is no room.
    pub fn write(self, message: &mut [u8]) {
        if let Some(header) = message.first_chunk_mut::<{ Self::HEADER }>() {
            header[..4].copy_from_slice(&self.run.to_be_bytes());
            header[4..8].copy_from_slice(&self.number.to_be_bytes());
            header[8..].copy_from_slice(&self.sent.to_be_bytes());
        }
    }

    /// Reads what arrived; `None` where that is too short to be a message.
    pub fn read(message: &[u8]) -> Option<Self> {
        let (&run, rest) = message.split_first_chunk()?;
        let (&number, rest) = rest.split_first_chunk()?;
        let &sent = rest.first_chunk()?;
        Some(Self {
            run: u32::from_be_bytes(run),
            number: u32::from_be_bytes(number),
            sent: f64::from_be_bytes(sent),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_bytes() {
        let mut bytes = [0; 18];
        let message = Message {
            run: 1,
            number: 0x0203,
            sent: 1.5,
        };
        message.write(&mut bytes);
        let expected = [0, 0, 0, 1, 0, 0, 2, 3, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(bytes, expected);
        assert_eq!(Message::read(&bytes), Some(message));
    }

    #[test]
    fn too_short_is_no_message() {
        let mut bytes = [7; 15];
        let message = Message {
            run: 0,
            number: 0,
            sent: 0.0,
        };
        message.write(&mut bytes);
        assert_eq!(bytes, [7; 15]);
        for length in 0..bytes.len() {
            assert_eq!(Message::read(&bytes[..length]), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(Message::read(&bytes).is_some(), bytes.len() >= Message::HEADER);
        }
    }
}
