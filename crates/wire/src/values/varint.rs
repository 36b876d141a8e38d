//! QUIC's variable-length integers (RFC 9000 section 16), and bytes and text with their length.

use super::FrameError;

/// The largest number.
pub const MAX_NUMBER: u64 = (1 << 62) - 1;

/// How many bytes a number takes.
pub(super) fn len(number: u64) -> usize {
    match number {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// Reads a message from its beginning on.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of this message.
    pub fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    ///
    /// # Errors
    /// Where nothing is left.
    pub fn byte(&mut self) -> Result<u8, FrameError> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// The first byte, which says what the message is.
    ///
    /// # Errors
    /// Where it is another.
    pub fn kind(&mut self, expected: u8) -> Result<(), FrameError> {
        let found = self.byte().ok();
        if found == Some(expected) {
            Ok(())
        } else {
            Err(FrameError::Kind { expected, found })
        }
    }

    /// The next number.
    ///
    /// # Errors
    /// Where less is left than its first byte says.
    pub fn number(&mut self) -> Result<u64, FrameError> {
        let first = *self.0.first().ok_or(FrameError::Short)?;
        let bytes = self.take(1 << (first >> 6))?;
        let value = bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        // The two highest bits told the length.
        Ok(value & (u64::MAX >> (66 - 8 * bytes.len())))
    }

    /// The next bytes, which follow their length.
    ///
    /// # Errors
    /// Where less is left than that says.
    pub fn bytes(&mut self) -> Result<&'a [u8], FrameError> {
        let length = usize::try_from(self.number()?).map_err(|_| FrameError::Short)?;
        self.take(length)
    }

    /// The next text, likewise.
    ///
    /// # Errors
    /// Where it is longer than `most` bytes, or not UTF-8, too.
    pub fn text(&mut self, most: usize) -> Result<&'a str, FrameError> {
        let bytes = self.bytes()?;
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= most);
        text.ok_or(FrameError::Text)
    }

    /// What is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(FrameError::Short)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Writes a message.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty one, with room for so many bytes.
    pub fn new(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Adds a number. One above [`MAX_NUMBER`] is written as that.
    pub fn number(&mut self, number: u64) {
        let number = number.min(MAX_NUMBER);
        let length = len(number);
        let bytes = (number | u64::from(length.trailing_zeros()) << (8 * length - 2)).to_be_bytes();
        self.0.extend_from_slice(&bytes[8 - length..]);
    }

    /// Adds bytes behind their length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Adds bytes up to the message's end, without their length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}
