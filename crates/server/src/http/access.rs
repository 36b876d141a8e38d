//! Who may do what with topics over HTTP: who has a key of the API, all; a user, what they may.

use super::topics::{TopicRefusal, topic};
use crate::auth::{Denied, bearer};
use crate::sessions::Sessions;
use crate::topics::{About, PutError, Topic, Topics, Value};
use axum::http::StatusCode;
use axum::http::request::Parts;
use std::sync::Arc;
use std::time::SystemTime;
use subtle::{Choice, ConstantTimeEq};
use tickwire_auth::User;
use tokio::sync::OwnedSemaphorePermit;

/// Who asks.
pub enum Asker {
    /// One who has a key of the API.
    Program,
    /// A user.
    User(User),
    /// Anybody, where nobody is asked.
    Anybody,
}

impl From<Denied> for TopicRefusal {
    fn from(denied: Denied) -> Self {
        let (status, code) = match denied {
            Denied::Unknown(_) => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Denied::NotAllowed(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Denied::Late => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        };
        Self::new(status, code, denied.to_string())
    }
}

impl Asker {
    /// # Errors
    /// Where somebody has to say who they are, and does not.
    pub async fn of(sessions: &Sessions, request: &Parts) -> Result<Self, TopicRefusal> {
        if bearer(request).is_some_and(|given| is_key(&sessions.api().keys, given)) {
            return Ok(Self::Program);
        }
        let user = sessions.authentication().ask(request).await?;
        if user
            .as_ref()
            .is_some_and(|user| user.fingerprint().is_some())
        {
            let message = "The token is bound to a certificate (cnf): it is for sessions alone.";
            return Err(Denied::NotAllowed(message.into()).into());
        }
        Ok(user.map_or(Self::Anybody, Self::User))
    }

    /// Whether topics of this name, or pattern, are theirs to read.
    pub fn reads(&self, topic: &str) -> bool {
        match self {
            Self::User(user) => user.may_subscribe(topic),
            Self::Program | Self::Anybody => true,
        }
    }

    /// # Errors
    /// Where the topic is not theirs to read.
    pub fn may_read(&self, topic: &str) -> Result<(), TopicRefusal> {
        if self.reads(topic) {
            return Ok(());
        }
        let message = format!("You may not read the topic {topic:?}.");
        Err(TopicRefusal::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            message,
        ))
    }

    /// When it is over for them.
    pub fn until(&self) -> Option<SystemTime> {
        match self {
            Self::User(user) => user.until(),
            Self::Program | Self::Anybody => None,
        }
    }

    /// The topic of this name to write to, and a place for the request. It has to be one into which clients
    /// may put values, unless it is a program that asks.
    ///
    /// # Errors
    /// Where they may not, there is no such topic, or all places are taken.
    pub fn to_write(
        &self,
        sessions: &Sessions,
        name: &str,
    ) -> Result<(Topic, OwnedSemaphorePermit), TopicRefusal> {
        let forbidden = |message| TopicRefusal::new(StatusCode::FORBIDDEN, "forbidden", message);
        let may_not = || forbidden(format!("You may not put values into the topic {name:?}."));
        match self {
            Self::Program => {}
            Self::User(user) if user.may_publish(name) => {}
            Self::User(_) => return Err(may_not()),
            Self::Anybody if sessions.api().keys.is_empty() => {
                return Err(forbidden(
                    "This server takes no values over HTTP: its configuration has no keys under [api].".into(),
                ));
            }
            Self::Anybody => {
                let message = "Expected the header Authorization: Bearer, with a key of the API.";
                return Err(Denied::Unknown(message.into()).into());
            }
        }
        let topic = topic(sessions, name)?;
        if !matches!(self, Self::Program) && !topic.takes_from_clients() {
            return Err(may_not());
        }
        // What is said to be taken is not to wait here for who knows how long.
        if !sessions.topics().is_none_or(Topics::is_reachable) {
            return Err(PutError::Unreachable.into());
        }
        let place = sessions.write().ok_or_else(|| {
            let message = "As many requests are writing as this server allows. Try again soon.";
            TopicRefusal::new(StatusCode::TOO_MANY_REQUESTS, "busy", message)
        })?;
        Ok((topic, place))
    }

    /// The value with the name of the user who puts it, if one does.
    pub fn stamped(&self, value: Value) -> Value {
        let Self::User(user) = self else {
            return value;
        };
        let content_type = value.about.map(|it| it.content_type.clone());
        Value {
            about: Some(Arc::new(About {
                by: user.name().into(),
                content_type: content_type.unwrap_or_default(),
            })),
            ..value
        }
    }
}

/// It takes as long for each that is wrong, however much of it is right.
pub fn is_key(keys: &[String], given: &[u8]) -> bool {
    let same = keys.iter().map(|key| key.as_bytes().ct_eq(given));
    same.fold(Choice::from(0), |any, one| any | one).into()
}
