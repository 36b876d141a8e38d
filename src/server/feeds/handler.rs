//! What can be a feed, and what it can extract.

use crate::server::channel::Channel;
use crate::server::presence::Presence;
use crate::server::session::SessionNumber;
use crate::server::sessions::Sessions;
use axum::extract::{FromRef, State};
use std::error::Error;
use std::pin::Pin;
use tickwire_peer::port::Heard;

/// How a feed ended.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
/// A feed at work.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A session, as far as its feeds are concerned.
#[derive(Clone)]
pub struct Session {
    pub(in crate::server) number: SessionNumber,
    pub(in crate::server) sessions: Sessions,
    pub(in crate::server) heard: Heard,
}

/// What a feed can have beside its channel. `S` is the state of its [`super::Feeds`].
pub trait FromSession<S> {
    /// Takes it from the session, or from the state.
    fn from_session(session: &Session, state: &S) -> Self;
}

/// Whose channel it is.
impl<S> FromSession<S> for SessionNumber {
    fn from_session(session: &Session, _state: &S) -> Self {
        session.number
    }
}

/// All sessions of the server: how many there are, and to end one.
impl<S> FromSession<S> for Sessions {
    fn from_session(session: &Session, _state: &S) -> Self {
        session.sessions.clone()
    }
}

/// Whether its browser is there.
impl<S> FromSession<S> for Presence {
    fn from_session(session: &Session, _state: &S) -> Self {
        Self::new(session.heard.clone(), session.sessions.clone())
    }
}

/// The state, or a part of it.
impl<S, T: FromRef<S>> FromSession<S> for State<T> {
    fn from_session(_session: &Session, state: &S) -> Self {
        Self(T::from_ref(state))
    }
}

/// An async function from a [`Channel`] and up to four extractors to a `Result`. `T` tells the
/// functions apart, and is of no other use.
pub trait Feed<S, T>: Clone + Send + Sync + 'static {
    /// Starts serving a channel.
    fn start(self, channel: Channel, session: &Session, state: &S) -> Running;
}

macro_rules! feed {
    ($($extractor:ident),*) => {
        impl<F, R, E, S, $($extractor),*> Feed<S, (R, $($extractor,)*)> for F
        where
            F: Fn(Channel, $($extractor),*) -> R + Clone + Send + Sync + 'static,
            R: Future<Output = Result<(), E>> + Send + 'static,
            E: Into<Box<dyn Error + Send + Sync>>,
            $($extractor: FromSession<S>,)*
        {
            fn start(self, channel: Channel, _session: &Session, _state: &S) -> Running {
                let feed = self(channel, $($extractor::from_session(_session, _state)),*);
                Box::pin(async { feed.await.map_err(Into::into) })
            }
        }
    };
}

feed!();
feed!(A);
feed!(A, B);
feed!(A, B, C);
feed!(A, B, C, D);
