//! What a token says, and the user that makes.

use crate::{Options, Patterns, TokenError, User};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999.
pub(crate) const LAST: u64 = 253_402_300_799;

/// Claims that are known; others are ignored (RFC 7519 section 4). Their forms are looked at one by one,
/// so that an error says which it is without a word of the token.
#[derive(Deserialize)]
pub(crate) struct Claims {
    sub: Option<Value>,
    exp: Option<Value>,
    nbf: Option<Value>,
    aud: Option<Value>,
    subscribe: Option<Value>,
    publish: Option<Value>,
    feeds: Option<Value>,
    sessions: Option<Value>,
    cnf: Option<Value>,
}

fn wrong(claim: &'static str, expected: &'static str) -> TokenError {
    TokenError::Claim { claim, expected }
}

/// A user by a token that is good at its time.
#[derive(Clone)]
pub(crate) struct Admitted {
    user: User,
    begin: Option<SystemTime>,
    end: SystemTime,
}

impl Admitted {
    pub fn at(&self, now: SystemTime) -> Result<User, TokenError> {
        if now >= self.end {
            return Err(TokenError::Expired);
        }
        if self.begin.is_some_and(|it| now < it) {
            return Err(TokenError::NotYet);
        }
        Ok(self.user.clone())
    }
}

impl Claims {
    /// What they say, where the token is for whom is expected.
    pub fn admit(self, options: &Options) -> Result<Admitted, TokenError> {
        let leeway = options.leeway;
        let end = time("exp", self.exp.as_ref().unwrap_or(&Value::Null))?;
        let end = end.checked_add(leeway).unwrap_or(end);
        let begin = self.nbf.as_ref().map(|it| time("nbf", it)).transpose()?;
        let begin = begin.map(|it| it.checked_sub(leeway).unwrap_or(UNIX_EPOCH));
        let audience = options.audience.as_deref();
        if audience.is_some_and(|it| !self.is_for(it)) {
            return Err(TokenError::WrongAudience);
        }
        let user = self.user(end)?;
        Ok(Admitted { user, begin, end })
    }

    /// RFC 7519 section 4.1.3: one text, or a list of them.
    fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(Value::Array(list)) => list.iter().any(|it| it == audience),
            Some(one) => one == audience,
            None => false,
        }
    }

    /// The user, until `end`.
    fn user(self, end: SystemTime) -> Result<User, TokenError> {
        let name = self.sub.as_ref().and_then(Value::as_str);
        let user = name.and_then(|name| User::new(name).ok());
        let expected = "the name of a user (1 to 128 bytes that can be printed, and no ~)";
        let mut user = user
            .ok_or_else(|| wrong("sub", expected))?
            .ends(end)
            .subscribe(patterns("subscribe", self.subscribe)?)
            .publish(patterns("publish", self.publish)?)
            .feeds(patterns("feeds", self.feeds)?);
        if let Some(most) = self.sessions {
            let most = most.as_u64().and_then(|it| usize::try_from(it).ok());
            user = user.sessions(most.ok_or_else(|| wrong("sessions", "a whole number"))?);
        }
        if let Some(confirmation) = self.cnf {
            user = user.bound_to(fingerprint(&confirmation)?);
        }
        Ok(user)
    }
}

/// RFC 7519 section 2, NumericDate. Of fractions of a second nothing is kept.
fn time(claim: &'static str, value: &Value) -> Result<SystemTime, TokenError> {
    let whole = value.as_f64().filter(|it| (0.0..=LAST as f64).contains(it));
    let seconds = value.as_u64().or(whole.map(|it| it as u64));
    let seconds = seconds.filter(|it| *it <= LAST);
    let time = seconds.and_then(|it| UNIX_EPOCH.checked_add(Duration::from_secs(it)));
    time.ok_or_else(|| {
        wrong(
            claim,
            "a number of seconds since 1970 (up to the year 9999)",
        )
    })
}

fn patterns(claim: &'static str, value: Option<Value>) -> Result<Patterns, TokenError> {
    let Some(value) = value else {
        return Ok(Patterns::none());
    };
    let expected = "a list of at most 64 patterns (or one string, with blanks between)";
    serde_json::from_value(value).map_err(|_| wrong(claim, expected))
}

/// RFC 8705 section 3.1. Whatever else a token is bound to cannot be checked (RFC 7800 section 3), and
/// such a token is not taken as if it were not.
fn fingerprint(confirmation: &Value) -> Result<[u8; 32], TokenError> {
    let text = confirmation.get("x5t#S256").and_then(Value::as_str);
    let bytes = text.and_then(|it| URL_SAFE_NO_PAD.decode(it).ok());
    let sha256 = bytes.and_then(|it| it.try_into().ok());
    sha256.ok_or_else(|| wrong("cnf", "x5t#S256 with a SHA-256 in base64url"))
}
