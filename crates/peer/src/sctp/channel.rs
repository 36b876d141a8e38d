//! The table of streams that are in use.

use super::event::Reliability;
use super::wire::ahead;

/// Streams beyond the channels that may be in use: those that carry data before their channel is
/// known, and refused ones that are not reset yet.
const STRAYS: usize = 64;

/// How far our direction of a stream is towards its reset (RFC 8831 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    Open,
    /// To be reset when what was sent is out.
    Draining,
    /// The reset is asked for.
    Asked,
    Reset,
}

/// Who knows of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Data came, and no channel is known yet.
    Stray,
    /// A channel that was refused; the caller never heard of it.
    Refused,
    /// A channel of the caller's.
    Channel,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u16,
    pub(super) role: Role,
    pub(super) ours: Ours,
    /// The last TSN before the browser's reset of its direction.
    pub(super) theirs_reset: Option<u32>,
    /// What comes is thrown away, since the caller has closed.
    pub(super) discard: bool,
    /// There may be messages to read.
    pub(super) readable: bool,
    /// A `Readable` or a `Released` is to be told.
    pub(super) tell_readable: bool,
    pub(super) tell_released: bool,
}

impl Stream {
    fn new(id: u16, role: Role) -> Self {
        Self {
            id,
            role,
            ours: Ours::Open,
            theirs_reset: None,
            discard: false,
            readable: false,
            tell_readable: false,
            tell_released: false,
        }
    }
}

/// What to do with DATA for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admit {
    Yes,
    /// It belongs to the next channel with this id, which shows that the last one is closed.
    Reused,
    /// Not now: the stream was reset by its sender, and we are not done with it.
    Later,
    /// There are too many streams.
    Full,
}

/// Streams by id. At most `max_channels + STRAYS`.
#[derive(Debug)]
pub(super) struct Streams {
    sorted: Vec<Stream>,
    max_channels: usize,
    /// Channels that wait for the association to be up.
    waiting: Vec<(u16, Reliability)>,
}

impl Streams {
    pub(super) fn new(max_channels: usize) -> Self {
        Self {
            sorted: Vec::new(),
            max_channels,
            waiting: Vec::new(),
        }
    }

    fn position(&self, id: u16) -> Result<usize, usize> {
        self.sorted.binary_search_by_key(&id, |stream| stream.id)
    }

    pub(super) fn get(&self, id: u16) -> Option<&Stream> {
        self.sorted.get(self.position(id).ok()?)
    }

    pub(super) fn get_mut(&mut self, id: u16) -> Option<&mut Stream> {
        let at = self.position(id).ok()?;
        self.sorted.get_mut(at)
    }

    pub(super) fn ids(&self) -> Vec<u16> {
        self.sorted.iter().map(|stream| stream.id).collect()
    }

    /// Whether there may be one more channel of the caller's.
    pub(super) fn has_room(&self) -> bool {
        let channels = self
            .sorted
            .iter()
            .filter(|stream| stream.role == Role::Channel);
        channels.count() < self.max_channels
    }

    /// The stream `id` with the role `role`; it is made if there is none.
    pub(super) fn put(&mut self, id: u16, role: Role) -> &mut Stream {
        let at = match self.position(id) {
            Ok(at) => at,
            Err(at) => {
                self.sorted.reserve_exact(1);
                self.sorted.insert(at, Stream::new(id, role));
                at
            }
        };
        let stream = &mut self.sorted[at];
        stream.role = role;
        stream
    }

    pub(super) fn remove(&mut self, id: u16) -> Option<Stream> {
        self.waiting.retain(|(waiting, _)| *waiting != id);
        let at = self.position(id).ok()?;
        Some(self.sorted.remove(at))
    }

    /// Keeps a channel's reliability until the association is up.
    pub(super) fn wait(&mut self, id: u16, reliability: Reliability) {
        self.waiting.push((id, reliability));
    }

    /// The channels that waited.
    pub(super) fn take_waiting(&mut self) -> Vec<(u16, Reliability)> {
        std::mem::take(&mut self.waiting)
    }

    /// Removes what does not belong to a channel.
    pub(super) fn drop_strays(&mut self) {
        self.sorted.retain(|stream| stream.role == Role::Channel);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_channels);
    }

    /// Decides on a DATA chunk. A new stream is entered as a stray.
    pub(super) fn admit(&mut self, id: u16, tsn: u32) -> Admit {
        if let Some(stream) = self.get(id) {
            return match (stream.theirs_reset, stream.ours) {
                (Some(last), Ours::Asked) if ahead(tsn, last) > 0 => Admit::Reused,
                (Some(last), _) if ahead(tsn, last) > 0 => Admit::Later,
                _ => Admit::Yes,
            };
        }
        if id == u16::MAX || self.sorted.len() >= self.max_channels + STRAYS {
            return Admit::Full;
        }
        self.put(id, Role::Stray);
        Admit::Yes
    }
}
