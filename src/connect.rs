//! The server function: how a Leptos component opens a session without a link.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, JsonEncoding};
use serde::{Deserialize, Serialize};
use tickwire_wire::signaling::{Answer, ChannelInit, Code, SignalingError};

/// Opens a session, as `POST /sdp` does, for a component that needs no more than the answer: takes
/// the browser's offer, and the channels that both sides create, and returns the server's answer.
///
/// # Errors
/// See [`Code`].
#[server(prefix = "/api", endpoint = "connect", input = Json, output = Json)]
pub async fn connect(
    #[server(rename = "type")] kind: String,
    sdp: String,
    #[server(default)] channels: Vec<ChannelInit>,
) -> Result<Answer, ConnectError> {
    crate::server::connect(kind, sdp, channels).await
}

/// Why [`connect`] failed: as `POST /sdp` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(transparent)]
#[error(transparent)]
pub struct ConnectError(pub SignalingError);

impl FromServerFnError for ConnectError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let (code, message) = match error {
            // On the server the offer that arrived, in the browser the answer.
            ServerFnErrorErr::Deserialization(cause)
            | ServerFnErrorErr::Args(cause)
            | ServerFnErrorErr::MissingArg(cause) => (
                Code::BadJson,
                format!(
                    r#"Expected JSON such as {{"type": "offer", "sdp": "…"}}, but found {cause}."#
                ),
            ),
            ServerFnErrorErr::Request(_) => (
                Code::Unreachable,
                "The server could not be reached. Check that it is running and that you are online.".into(),
            ),
            _ => (Code::Internal, "The server failed to handle the request.".into()),
        };
        Self(SignalingError::new(code, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_travels_as_post_has_it() {
        let error = ConnectError(SignalingError::new(Code::NotAnOffer, "no"));
        let json = r#"{"code":"not-an-offer","message":"no"}"#;
        assert_eq!(error.ser().as_ref(), json.as_bytes());
        assert_eq!(ConnectError::de(json.as_bytes().to_vec().into()), error);
    }

    #[test]
    fn what_is_not_ours_becomes_an_error_of_ours() {
        let error = ConnectError::de(b"<html>502 Bad Gateway</html>".to_vec().into());
        assert_eq!(error.0.code, Code::BadJson);
    }
}
