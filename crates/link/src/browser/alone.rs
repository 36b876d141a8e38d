//! A channel on a WebSocket of its own, beside whatever the link has.

use super::channel::{Channel, Role};
use super::connection::{Connection, Happening};
use super::driver::Driver;
use crate::channel::ChannelHandle;
use crate::link::OnChannelEvent;
use crate::{ChannelEvent, ChannelOptions, LinkChannel, NotSent};
use leptos::task::spawn_local;
use std::rc::{Rc, Weak};

/// The channel, and the connection that is there for it alone. Dropping it closes both.
struct Alone {
    channel: Rc<Channel>,
    _connection: Rc<Connection>,
}

impl Driver {
    pub(super) fn open_alone(
        self,
        options: ChannelOptions,
        on_event: OnChannelEvent,
    ) -> Option<LinkChannel> {
        let report = move |happening| match happening {
            Happening::Opened(_) => on_event(ChannelEvent::Opened),
            Happening::Message(_, message) => on_event(message.into()),
            Happening::Closed(_) => on_event(ChannelEvent::Closed(None)),
            Happening::Lost(failure) => on_event(ChannelEvent::Closed(Some(failure.message()))),
            Happening::PairWorks | Happening::State(_) => {}
        };
        let connection = Rc::new(Connection::by_socket(report));
        let role = Role::Opened(Weak::new());
        let channel = connection.add(options.negotiated(0), role).ok()?;
        let weak = Rc::downgrade(&connection);
        let server = self.server();
        spawn_local(async move {
            let token = self.new_token().await;
            if let Some(connection) = weak.upgrade() {
                connection.connect(&server, token);
            }
        });
        Some(LinkChannel(Rc::new(Alone {
            channel,
            _connection: connection,
        })))
    }
}

impl ChannelHandle for Alone {
    fn send_text(&self, text: &str) -> Result<(), NotSent> {
        self.channel.send_text(text)
    }

    fn send_binary(&self, bytes: &[u8]) -> Result<(), NotSent> {
        self.channel.send_binary(bytes)
    }

    fn buffered_amount(&self) -> u32 {
        self.channel.buffered_amount()
    }
}
