//! What the request that opened a session carried.

use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use std::net::IpAddr;
use std::sync::Arc;

/// The request that opened a session, without its body. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct OpeningRequest(Arc<Carried>);

#[derive(Debug, Default)]
struct Carried {
    headers: HeaderMap,
    extensions: Extensions,
    from: Option<IpAddr>,
}

impl OpeningRequest {
    pub(crate) fn new(parts: Parts, from: Option<IpAddr>) -> Self {
        Self(Arc::new(Carried {
            headers: parts.headers,
            extensions: parts.extensions,
            from,
        }))
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// What the middleware in front of the router has left in it, such as who the user is.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.extensions.get()
    }

    /// The address that it came from: a proxy's where there is one. `None` where the router is
    /// served without `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn from(&self) -> Option<IpAddr> {
        self.0.from
    }
}
