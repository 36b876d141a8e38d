//! Who asks, and what they may.
//!
//! Without [`crate::Server::authenticate`] nobody is asked, and all may what the server offers.

use crate::lock::lock;
use crate::request::OpeningRequest;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tickwire_auth::{TokenError, User, Verifier};
use tickwire_wire::signaling::{Code, SignalingError};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// How long it may take to find out who somebody is.
const LIMIT: Duration = Duration::from_secs(5);

/// Why somebody is not let in: a sentence for them to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not known who asks: status 401.
    #[error("{0}")]
    Unknown(String),
    /// It is, and they may not: status 403.
    #[error("{0}")]
    NotAllowed(String),
    /// It could not be found out in time: status 503.
    #[error("It could not be found out in time who you are. Try again soon.")]
    Late,
}

impl From<Denied> for SignalingError {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Unknown(_) => Code::Unauthorized,
            Denied::NotAllowed(_) => Code::Forbidden,
            Denied::Late => Code::Busy,
        };
        Self::new(code, denied.to_string())
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<User, Denied>> + Send>>;
type Hook = dyn Fn(&Parts) -> Asking + Send + Sync;

/// How it is found out who asks; nobody is asked by default.
#[derive(Clone, Default)]
pub struct Authentication(Option<Arc<Hook>>);

impl Authentication {
    pub fn new<R>(hook: impl Fn(&Parts) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<User, Denied>> + Send + 'static,
    {
        Self(Some(Arc::new(move |request| Box::pin(hook(request)))))
    }

    /// Whether anybody is asked.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Who has sent this request; nobody in particular where nobody is asked.
    ///
    /// # Errors
    /// Where they are not let in.
    pub async fn ask(&self, request: &Parts) -> Result<Option<User>, Denied> {
        let Some(hook) = &self.0 else {
            return Ok(None);
        };
        let user = timeout(LIMIT, hook(request)).await;
        let user = user.map_err(|_| Denied::Late)??;
        if user.until().is_some_and(|until| until <= SystemTime::now()) {
            return Err(Denied::Unknown("What lets you in has ended.".into()));
        }
        Ok(Some(user))
    }

    /// The same where the request shows this token.
    ///
    /// # Errors
    /// As [`Authentication::ask`].
    pub async fn ask_with(&self, request: &Parts, token: &str) -> Result<Option<User>, Denied> {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let value = value.map_err(|_| Denied::Unknown("The token cannot be read.".into()))?;
        let mut request = request.clone();
        request.headers.insert(header::AUTHORIZATION, value);
        self.ask(&request).await
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authentication")
            .field(&self.is_on())
            .finish()
    }
}

/// Lets those in who have a token that holds: `Authorization: Bearer` (RFC 6750 section 2.1), for
/// [`crate::Server::authenticate`]. `unknown_key` is called where a token names a key that is not known:
/// whoever fetches the keys may do so again.
pub fn tokens(
    verifier: Arc<Verifier>,
    unknown_key: impl Fn() + Send + Sync + 'static,
) -> impl Fn(&Parts) -> std::future::Ready<Result<User, Denied>> {
    move |request| {
        let token = bearer(request).and_then(|token| str::from_utf8(token).ok());
        let expected = "Expected the header Authorization: Bearer, with a token.";
        let token = token.ok_or_else(|| Denied::Unknown(expected.into()));
        let user = token.and_then(|token| {
            let user = verifier.verify(token, SystemTime::now());
            user.map_err(|cause| {
                if cause == TokenError::UnknownKey {
                    unknown_key();
                }
                Denied::Unknown(format!("You are not let in: {cause}."))
            })
        });
        ready(user)
    }
}

/// What a request says behind `Authorization: Bearer`.
pub(crate) fn bearer(request: &Parts) -> Option<&[u8]> {
    let given = request.headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = given.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// Who a session is of, and what they may now. Copies are the same.
#[derive(Clone, Default)]
pub struct Caller(Arc<Known>);

#[derive(Default)]
struct Known {
    /// None where nobody was asked.
    user: Mutex<Option<User>>,
    /// Tells that this user is known by another token.
    renewed: Notify,
    authentication: Authentication,
    /// What the session was opened with.
    request: OpeningRequest,
    /// The SHA-256 fingerprint of the session's only certificate.
    fingerprint: Option<[u8; 32]>,
}

impl Caller {
    /// # Errors
    /// Where the user has to have another certificate than that with this fingerprint.
    pub fn new(
        user: Option<User>,
        authentication: Authentication,
        request: OpeningRequest,
        fingerprint: Option<[u8; 32]>,
    ) -> Result<Self, Denied> {
        let caller = Known {
            user: Mutex::default(),
            renewed: Notify::new(),
            authentication,
            request,
            fingerprint,
        };
        if let Some(user) = &user {
            caller.check(user)?;
        }
        *lock(&caller.user) = user;
        Ok(Self(Arc::new(caller)))
    }

    /// Who it is; none where nobody was asked.
    pub fn user(&self) -> Option<User> {
        lock(&self.0.user).clone()
    }

    /// Whether this may be done by who it is, or by anybody.
    pub fn may(&self, what: impl FnOnce(&User) -> bool) -> bool {
        lock(&self.0.user).as_ref().is_none_or(what)
    }

    /// When it is over for them.
    pub fn ends(&self) -> Option<Instant> {
        let until = lock(&self.0.user).as_ref()?.until()?;
        let left = until.duration_since(SystemTime::now());
        Some(Instant::now() + left.unwrap_or_default())
    }

    /// When they are known by another token than before.
    pub async fn renewed(&self) {
        self.0.renewed.notified().await;
    }

    /// Takes another token of the same user.
    ///
    /// # Errors
    /// Where it does not hold, or is another's. Nothing has changed then.
    pub async fn renew(&self, token: &str) -> Result<(), Denied> {
        let (mut request, ()) = axum::http::Request::new(()).into_parts();
        self.0.request.headers().clone_into(&mut request.headers);
        request.extensions = self.0.request.extensions().clone();
        match self.0.authentication.ask_with(&request, token).await? {
            Some(user) => self.renew_as(user),
            None => Ok(()),
        }
    }

    /// The same for one who is known already.
    ///
    /// # Errors
    /// As [`Caller::renew`].
    pub fn renew_as(&self, user: User) -> Result<(), Denied> {
        self.0.check(&user)?;
        let mut known = lock(&self.0.user);
        if known.as_ref().is_some_and(|it| it.name() != user.name()) {
            return Err(Denied::NotAllowed(
                "Expected a token of the user whom the session is of.".into(),
            ));
        }
        *known = Some(user);
        drop(known);
        // There is one who waits at most, and it may not wait yet.
        self.0.renewed.notify_one();
        Ok(())
    }
}

impl Known {
    fn check(&self, user: &User) -> Result<(), Denied> {
        match user.fingerprint() {
            Some(bound) if self.fingerprint.as_ref() != Some(bound) => {
                Err(Denied::NotAllowed(
                    "The token is bound to a certificate (cnf), and the offer does not have that one alone.".into(),
                ))
            }
            _ => Ok(()),
        }
    }
}
