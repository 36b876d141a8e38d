//! Errors as HTTP: the status of each code, and a JSON body.

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tickwire_wire::signaling::{Code, SignalingError};

/// When to come back, in seconds, where that makes sense: to a full server when somebody may have
/// left, to one that shuts down when another may have taken its place.
fn retry_after(error: &SignalingError) -> Option<HeaderValue> {
    let seconds = error.retry_after.or(match error.code {
        Code::Full | Code::ShuttingDown => Some(5),
        Code::Busy => Some(1),
        _ => None,
    });
    seconds.map(HeaderValue::from)
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::BadJson
        | Code::NotAnOffer
        | Code::BadSdp
        | Code::NoDataChannel
        | Code::MediaOffered
        | Code::NoFingerprint
        | Code::UnusableFingerprint
        | Code::NoIceCredentials
        | Code::BadIceCredentials
        | Code::BadSetup
        | Code::IceLite
        | Code::TcpOnly
        | Code::TooManyCandidates
        | Code::BadChannel => StatusCode::BAD_REQUEST,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Timeout => StatusCode::REQUEST_TIMEOUT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::Full | Code::ShuttingDown | Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal | Code::Unreachable => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The response to a request that is refused: the error as JSON, with the status of its code.
#[derive(Debug)]
pub struct Refusal(pub SignalingError);

impl Refusal {
    /// The status of its code.
    pub fn status(&self) -> StatusCode {
        status(self.0.code)
    }
}

impl From<SignalingError> for Refusal {
    fn from(error: SignalingError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let retry_after = retry_after(&error).map(|wait| [(header::RETRY_AFTER, wait)]);
        // RFC 9110 section 11.6.1: whoever is asked who they are is told how to say it.
        let asks =
            (error.code == Code::Unauthorized).then_some([(header::WWW_AUTHENTICATE, "Bearer")]);
        (status(error.code), retry_after, asks, Json(error)).into_response()
    }
}

/// The answer to a known path with a method that it does not take. The `Allow` header is axum's.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Refusal {
    let expected = match uri.path() {
        "/sdp" | "/api/connect" => "POST with an offer",
        path if path.starts_with("/sdp/") => "PATCH, to change the session, and DELETE, to end it",
        "/topics" => "GET",
        path if path.starts_with("/topics/") => match path.matches('/').count() {
            2 => "GET, for what there is, and POST, for a batch",
            _ => "PUT, with a value, and DELETE",
        },
        _ => "GET",
    };
    Refusal(SignalingError::new(
        Code::MethodNotAllowed,
        format!("This path does not take {method}. It takes {expected}."),
    ))
}
