//! Who reads a topic, as a topic of its own: `rooms/7/$presence` beside `rooms/7`.

use super::Topic;
use crate::engine::Kept;
use crate::presence::Presence;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the name of a topic of those who read another ends with.
pub const SUFFIX: &str = "/$presence";

/// The topics of which a session is told to be a reader: until this is dropped.
pub struct Attendance {
    /// What the session is called there.
    you: String,
    presence: Presence,
    is_silent: bool,
    /// By subscription, with the time since when, in milliseconds since 1970.
    attended: Vec<(u64, Arc<dyn Kept>, u128)>,
}

impl Attendance {
    pub fn new(you: String, presence: Presence) -> Self {
        Self {
            you,
            presence,
            is_silent: false,
            attended: Vec::new(),
        }
    }

    /// The session reads this topic.
    pub fn begin(&mut self, id: u64, topic: &Topic) {
        let Some(presence) = topic.presence() else {
            return;
        };
        let mut attended = self.attended.iter();
        let known = attended.find(|(_, known, _)| Arc::ptr_eq(known, presence));
        let since = known.map_or_else(now, |(_, _, since)| *since);
        self.tell(presence, since);
        self.attended.push((id, presence.clone(), since));
    }

    /// A subscription has ended.
    pub fn end(&mut self, id: u64) {
        let Some(at) = self.attended.iter().position(|(it, ..)| *it == id) else {
            return;
        };
        let (_, topic, _) = self.attended.swap_remove(at);
        if !self
            .attended
            .iter()
            .any(|(_, other, _)| Arc::ptr_eq(other, &topic))
        {
            topic.remove(&self.you);
        }
    }

    /// To be called each second: tells where the session's client has fallen silent, or is heard again.
    pub fn look(&mut self) {
        let is_silent = self.presence.is_silent();
        if std::mem::replace(&mut self.is_silent, is_silent) != is_silent {
            for (_, topic, since) in &self.attended {
                self.tell(topic, *since);
            }
        }
    }

    fn tell(&self, topic: &Arc<dyn Kept>, since: u128) {
        let silent = self.is_silent;
        let value = format!(r#"{{"since":{since},"silent":{silent}}}"#);
        // Where there is no room, one more is not shown.
        let _ = topic.put(&self.you, value.into());
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        for (_, topic, _) in &self.attended {
            topic.remove(&self.you);
        }
    }
}

fn now() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis())
}
