//! The one round trip over HTTP: offer out, answer in.

use super::connection::describe;
use crate::signaling::{Answer, ChannelInit, Code, OFFER, SignalingError, connect, session_path};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, RtcPeerConnection, RtcSdpType, RtcSessionDescriptionInit};

/// Why no answer came, or it was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NegotiationError {
    #[error("This browser could not make an offer: {0}")]
    Offer(String),
    #[error(
        "The answer did not come from a Tickwire server. Check the address and any proxy in between."
    )]
    NotTickwire,
    #[error(transparent)]
    Refused(SignalingError),
    #[error("This browser does not accept the server’s answer: {0}")]
    Answer(String),
}

/// Sends an offer, without waiting for candidates: the server's are in the answer, and the
/// browser's own checks tell the server where it is.
pub async fn offer(
    peer: &RtcPeerConnection,
    channels: Vec<ChannelInit>,
) -> Result<Answer, NegotiationError> {
    let failed = |cause| NegotiationError::Offer(describe(cause));
    let offer = JsFuture::from(peer.create_offer()).await.map_err(failed)?;
    JsFuture::from(peer.set_local_description(offer.unchecked_ref()))
        .await
        .map_err(failed)?;
    let sdp = peer
        .local_description()
        .map(|offer| offer.sdp())
        .unwrap_or_default();
    connect(OFFER.into(), sdp, channels)
        .await
        .map_err(|error| match error.code {
            Code::BadJson => NegotiationError::NotTickwire,
            _ => NegotiationError::Refused(error),
        })
}

/// Hands the server's answer to the browser.
pub async fn accept(peer: &RtcPeerConnection, sdp: &str) -> Result<(), NegotiationError> {
    let answer = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
    answer.set_sdp(sdp);
    JsFuture::from(peer.set_remote_description(&answer))
        .await
        .map(drop)
        .map_err(|cause| NegotiationError::Answer(describe(cause)))
}

/// Ends a session on the server. The request is under way when this returns, and goes out even
/// where the page is just being left; the future completes when it is answered, or fails, since
/// a server that cannot be asked notices by itself.
pub fn end_session(id: &str) -> impl Future<Output = ()> + 'static {
    let request = RequestInit::new();
    request.set_method("DELETE");
    // web-sys has no setter for `keepalive`.
    let _ = js_sys::Reflect::set(&request, &"keepalive".into(), &JsValue::TRUE);
    let answered = window().fetch_with_str_and_init(&session_path(id), &request);
    async move {
        let _ = JsFuture::from(answered).await;
    }
}
