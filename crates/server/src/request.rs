//! What the request that opened a session carried.

use axum::extract::OriginalUri;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue};
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
    pub(crate) fn new(mut parts: Parts, from: Option<IpAddr>) -> Self {
        parts.extensions.remove::<OriginalUri>();
        Self(Arc::new(Carried {
            headers: copied(&parts.headers),
            extensions: parts.extensions,
            from,
        }))
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
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

/// The same with memory of their own. What comes of a connection are pieces of the buffer into which it
/// was read, and one of them keeps all of its 8 KiB for as long as the session lasts.
fn copied(headers: &HeaderMap) -> HeaderMap {
    let mut copied = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        // It was a value before.
        if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.set_sensitive(value.is_sensitive());
            copied.append(name.clone(), copy);
        }
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{Request, Uri};
    use bytes::Bytes;

    #[test]
    fn what_is_kept_keeps_no_buffer_of_its_connection() {
        let buffer = Bytes::from(vec![b'/'; 8_192]);
        let value = || HeaderValue::from_maybe_shared(buffer.slice(10..20)).unwrap();
        let mut request = Request::new(());
        request.headers_mut().append("x-user", value());
        request.headers_mut().append("x-user", value());
        let uri = Uri::from_maybe_shared(buffer.slice(0..5)).unwrap();
        request.extensions_mut().insert(OriginalUri(uri.clone()));
        *request.uri_mut() = uri;
        request.extensions_mut().insert(7_u8);
        let kept = OpeningRequest::new(request.into_parts().0, None);
        assert!(buffer.is_unique());
        assert_eq!(kept.headers().get_all("x-user").iter().count(), 2);
        assert_eq!(kept.extension::<u8>(), Some(&7));
    }
}
