//! What can be a feed, and what it can extract.

use crate::auth::Caller;
use crate::channel::Channel;
use crate::id::SessionNumber;
use crate::presence::{Presence, Silence};
use crate::request::OpeningRequest;
use crate::topics::Reading;
use axum::Extension;
use axum::extract::{FromRef, State};
use std::any::{Any, type_name};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use tickwire_auth::User;
use tracing::error;

/// How a feed ended.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;
/// A feed at work.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A session, as far as its feeds are concerned.
#[derive(Clone)]
pub struct Session {
    pub(crate) number: SessionNumber,
    /// What the server offers its feeds beside; above this room it is known what that is.
    pub(crate) registry: Arc<dyn Any + Send + Sync>,
    pub(crate) silence: Arc<Silence>,
    pub(crate) request: OpeningRequest,
    pub(crate) caller: Caller,
    pub(crate) reading: Reading,
}

/// A channel that is about to be served.
pub struct Opening<'a> {
    pub(crate) session: &'a Session,
    pub(crate) params: Params,
}

impl Opening<'_> {
    /// The request that opened the channel's session.
    pub fn request(&self) -> &OpeningRequest {
        &self.session.request
    }

    /// The label's parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }
}

/// The parameters of a label: of a feed for `prices/{symbol}`, what stands in place of `{symbol}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    /// The parameter of this name; `None` where the feed's label has none.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Why a feed does not serve a channel: the client is told `Refused: <reason>`, and the channel
/// closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl<T: std::fmt::Display> From<T> for Refused {
    fn from(reason: T) -> Self {
        Self(reason.to_string())
    }
}

/// What a feed can have beside its channel. `S` is the state of its [`super::Feeds`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a feed can extract",
    note = "a feed takes a `Channel`, then up to four of `State<T>`, `OpeningRequest`, `Extension<T>`, `Params`, `SessionNumber`, `Sessions`, `Presence`, `User`, or types with a `FromSession` of their own"
)]
pub trait FromSession<S>: Sized {
    /// Takes it from the session that opens a channel, or from the state.
    ///
    /// # Errors
    /// Where the channel is not to be served: why, for the client to read.
    fn from_session(opening: &Opening<'_>, state: &S) -> Result<Self, Refused>;
}

/// Whose channel it is.
impl<S> FromSession<S> for SessionNumber {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        Ok(opening.session.number)
    }
}

/// Whether its browser is there.
impl<S> FromSession<S> for Presence {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        Ok(Self::new(opening.session.silence.clone()))
    }
}

/// Who has opened the session. Where the server asks nobody, the channel is refused.
impl<S> FromSession<S> for User {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        let user = opening.session.caller.user();
        user.ok_or_else(|| {
            "this feed is for those who say who they are, and the server asks nobody".into()
        })
    }
}

/// What the session reads of topics.
impl<S> FromSession<S> for Reading {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        Ok(opening.session.reading.clone())
    }
}

/// The request that opened the session.
impl<S> FromSession<S> for OpeningRequest {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        Ok(opening.request().clone())
    }
}

/// What the middleware in front of the router has left in the request that opened the session.
/// Where there is none of this type the channel is refused.
impl<S, T: Clone + Send + Sync + 'static> FromSession<S> for Extension<T> {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        let found = opening.request().extension::<T>().cloned();
        found.map(Self).ok_or_else(|| {
            error!(
                wanted = type_name::<T>(),
                "the feed wants an extension that the opening request has not"
            );
            Refused("the request that opened the session lacks what this feed asks for".into())
        })
    }
}

/// The parameters of the label.
impl<S> FromSession<S> for Params {
    fn from_session(opening: &Opening<'_>, _state: &S) -> Result<Self, Refused> {
        Ok(opening.params.clone())
    }
}

/// The state, or a part of it.
impl<S, T: FromRef<S>> FromSession<S> for State<T> {
    fn from_session(_opening: &Opening<'_>, state: &S) -> Result<Self, Refused> {
        Ok(Self(T::from_ref(state)))
    }
}

/// An async function from a [`Channel`] and up to four extractors to a `Result`. `T` tells the
/// functions apart, and is of no other use.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no feed",
    label = "expected an async function from a `Channel` to a `Result<(), E>`",
    note = "a feed is `async fn(Channel, …) -> Result<(), E>`: after the channel come up to four extractors (`FromSession`), and `E` becomes a `Box<dyn Error + Send + Sync>`; its future is `Send`"
)]
pub trait Feed<S, T>: Clone + Send + Sync + 'static {
    /// Starts serving a channel.
    ///
    /// # Errors
    /// Where it is not to be served; the channel is given back.
    fn start(
        self,
        channel: Channel,
        opening: &Opening<'_>,
        state: &S,
    ) -> Result<Running, (Channel, Refused)>;
}

macro_rules! feed {
    ($($extractor:ident),*) => {
        impl<F, R, E, S, $($extractor),*> Feed<S, (R, $($extractor,)*)> for F
        where
            F: Fn(Channel, $($extractor),*) -> R + Clone + Send + Sync + 'static,
            R: Future<Output = Result<(), E>> + Send + 'static,
            E: Into<Box<dyn Error + Send + Sync>>,
            $($extractor: FromSession<S> + Send + 'static,)*
        {
            fn start(
                self,
                channel: Channel,
                _opening: &Opening<'_>,
                _state: &S,
            ) -> Result<Running, (Channel, Refused)> {
                $(
                    #[allow(non_snake_case, reason = "named as its type")]
                    let $extractor = match $extractor::from_session(_opening, _state) {
                        Ok(extracted) => extracted,
                        Err(refused) => return Err((channel, refused)),
                    };
                )*
                // The feed's future is made in the other: moved into it, it would be there twice.
                Ok(Box::pin(async move {
                    self(channel, $($extractor),*).await.map_err(Into::into)
                }))
            }
        }
    };
}

feed!();
feed!(A);
feed!(A, B);
feed!(A, B, C);
feed!(A, B, C, D);
