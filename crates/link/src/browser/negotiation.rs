//! What goes over HTTP: offers out, answers in.

use super::channel::dictionary;
use super::connection::describe;
use super::json;
use crate::Failure;
use crate::relays::{TurnServer, turn_servers};
use js_sys::Object;
use leptos::prelude::window;
use std::time::Duration;
use tickwire_wire::signaling::{Answer, Change, Code, SDP_PATH, SignalingError, session_path};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, DomException, Headers, RequestInit, Response, RtcOfferOptions, RtcPeerConnection,
    RtcSdpType, RtcSessionDescriptionInit,
};

/// How long an offer may stay unanswered, in milliseconds. The link has given it up before: it
/// is waited for all the same, so that a session which the server makes of it can be ended.
const POST_LIMIT: u32 = 30_000;
/// How long the end of a session may stay unanswered, in milliseconds.
const END_LIMIT: u32 = 5_000;
/// The longest that a server's wish to be left alone is taken for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes the first offer, without waiting for candidates: the server's are in the answer, and the
/// browser's own checks tell the server where it is.
pub async fn make_offer(peer: &RtcPeerConnection) -> Result<String, Failure> {
    let failed = |cause| Failure::NoWebRtc(describe(cause));
    let offer = JsFuture::from(peer.create_offer()).await.map_err(failed)?;
    JsFuture::from(peer.set_local_description(offer.unchecked_ref()))
        .await
        .map_err(failed)?;
    let offer = peer.local_description();
    Ok(offer.map(|offer| offer.sdp()).unwrap_or_default())
}

/// An offer that restarts ICE (RFC 8445 section 9), and that changes nothing in this browser
/// before it is answered.
pub struct Restart {
    offer: RtcSessionDescriptionInit,
}

impl Restart {
    /// Makes the offer.
    pub async fn make(peer: &RtcPeerConnection) -> Result<Self, Failure> {
        let options = RtcOfferOptions::new();
        options.set_ice_restart(true);
        let offer = JsFuture::from(peer.create_offer_with_rtc_offer_options(&options))
            .await
            .map_err(|cause| Failure::NoWebRtc(describe(cause)))?;
        let offer = offer.unchecked_into();
        Ok(Self { offer })
    }

    /// The offer's SDP.
    pub fn sdp(&self) -> String {
        self.offer.get_sdp().unwrap_or_default()
    }

    /// Hands offer and answer to the browser in one go. With the offer it opens other sockets,
    /// and Chromium checks from them with what it knows of the server. Where that is the answer
    /// before this one, the pair is taken, and the same address with this answer's credentials
    /// is never checked from there.
    pub async fn accept(self, peer: &RtcPeerConnection, sdp: &str) -> Result<(), Failure> {
        let failed = |cause| Failure::BadAnswer(describe(cause));
        let offered = peer.set_local_description(&self.offer);
        // The browser begins with this when it is done with the offer.
        let accepted = accept(peer, sdp);
        JsFuture::from(offered).await.map_err(failed)?;
        accepted.await
    }
}

/// What an offer is answered with.
pub struct Answered {
    pub answer: Answer,
    pub turn_servers: Vec<TurnServer>,
}

/// Tells the browser of TURN servers: it asks them when ICE is restarted.
pub fn offer_relays(peer: &RtcPeerConnection, servers: &[TurnServer]) {
    if servers.is_empty() {
        return;
    }
    let described = servers.iter().map(|server| {
        let described = Object::new();
        json::set(&described, "urls", &(&server.url).into());
        json::set(&described, "username", &(&server.username).into());
        json::set(&described, "credential", &(&server.credential).into());
        described.into()
    });
    let configuration = Object::new();
    json::set(&configuration, "iceServers", &json::list(described));
    // One that the browser does not understand leaves things as they are.
    let _ = peer.set_configuration_with_configuration(configuration.unchecked_ref());
}

/// Opens a session on the server whose router is here.
pub async fn open_session(
    server: &str,
    offer: &Change,
    token: Option<&str>,
) -> Result<Answered, Failure> {
    let signal = AbortSignal::timeout_with_u32(POST_LIMIT);
    let url = format!("{server}/{SDP_PATH}");
    let response = ask("POST", &url, token, offer, &signal).await?;
    answer(&response).await
}

/// Where the session of this id can be changed and ended.
pub fn session_url(server: &str, id: &str) -> String {
    format!("{server}/{}", session_path(id))
}

/// Changes the session at this URL: restarts its ICE with an offer, adds channels to it. Returns
/// the answer to the offer, if there was one in it.
pub async fn change_session(
    url: &str,
    token: Option<&str>,
    change: Change,
    signal: &AbortSignal,
) -> Result<Option<Answered>, Failure> {
    let response = ask("PATCH", url, token, &change, signal).await?;
    if change.sdp.is_none() {
        return Ok(None);
    }
    answer(&response).await.map(Some)
}

/// Whether a change failed because the server does not know the session (any more).
pub fn is_gone(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(error) if error.code == Code::NotFound)
}

/// Whether a request failed because its token does not hold (any more).
pub fn is_unauthorized(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(error) if error.code == Code::Unauthorized)
}

/// Hands the server's answer to the browser: it has it when this returns, and the future completes
/// when it has taken it in.
pub fn accept(
    peer: &RtcPeerConnection,
    sdp: &str,
) -> impl Future<Output = Result<(), Failure>> + 'static {
    let answer = RtcSessionDescriptionInit::new(RtcSdpType::Answer);
    answer.set_sdp(sdp);
    let accepted = JsFuture::from(peer.set_remote_description(&answer));
    async move {
        let accepted = accepted.await.map(drop);
        accepted.map_err(|cause| Failure::BadAnswer(describe(cause)))
    }
}

/// Ends the session at this URL. The request is under way when this returns, and goes out even
/// where the page is just being left; the future completes when it is answered, fails, or takes
/// longer than [`END_LIMIT`], since a server that cannot be asked notices by itself.
pub fn end_session(url: &str, token: Option<&str>) -> impl Future<Output = ()> + 'static {
    let request = RequestInit::new();
    request.set_method("DELETE");
    set_headers(&request, token, &[]);
    // The connection is kept until then, and with it the sockets of a server that is silent.
    request.set_signal(Some(&AbortSignal::timeout_with_u32(END_LIMIT)));
    // web-sys has no setter for `keepalive`.
    json::set(&request, "keepalive", &JsValue::TRUE);
    let answered = window().fetch_with_str_and_init(url, &request);
    async move {
        let _ = JsFuture::from(answered).await;
    }
}

/// One request; the response if it succeeded.
async fn ask(
    method: &str,
    url: &str,
    token: Option<&str>,
    body: &Change,
    signal: &AbortSignal,
) -> Result<Response, Failure> {
    let request = RequestInit::new();
    request.set_method(method);
    request.set_body(&json(body).into());
    request.set_signal(Some(signal));
    let mut headers = vec![("content-type", "application/json")];
    if method == "PATCH" {
        // The newest offer wins, whatever became of the answer to one before: RFC 9725
        // section 4.3.3 asks for this with an ICE restart.
        headers.push(("if-match", "*"));
    }
    set_headers(&request, token, &headers);
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(url, &request))
        .await
        .map_err(unanswered)?
        .unchecked_into();
    if response.ok() {
        return Ok(response);
    }
    let status = response.status();
    let retry_after = retry_after(&response);
    let fields = json::parse(&text(&response).await?);
    Err(
        match fields.and_then(|fields| SignalingError::read(&fields)) {
            Some(error) => refusal(error, retry_after),
            // A proxy whose server is being started again says so too.
            None if status == 503 => Failure::ShuttingDown { retry_after },
            None => Failure::NotTickwire { status },
        },
    )
}

fn set_headers(request: &RequestInit, token: Option<&str>, others: &[(&str, &str)]) {
    let Ok(headers) = Headers::new() else {
        return;
    };
    for (name, value) in others {
        // It fails for names and values that are not ASCII, and these are.
        let _ = headers.set(name, value);
    }
    if let Some(token) = token {
        // RFC 6750 section 2.1. One that cannot be in a header is as none: the server says so.
        let _ = headers.set("authorization", &format!("Bearer {token}"));
    }
    request.set_headers(&headers);
}

/// What goes to the server.
fn json(change: &Change) -> String {
    let Change {
        kind,
        sdp,
        channels,
    } = change;
    let text = |name, text: &Option<String>| Some((name, text.as_ref()?.into()));
    let channels = channels.iter().map(|init| {
        let described = dictionary(init);
        json::set(&described, "label", &(&init.label).into());
        described.into()
    });
    let fields = [text("type", kind), text("sdp", sdp)];
    let channels = ("channels", json::list(channels));
    json::write(fields.into_iter().flatten().chain([channels]))
}

/// What the server answers an offer with.
async fn answer(response: &Response) -> Result<Answered, Failure> {
    let fields = json::parse(&text(response).await?);
    let answer = fields.and_then(|fields| Answer::read(&fields));
    let answer = answer.ok_or(Failure::NotTickwire {
        status: response.status(),
    })?;
    let link = response.headers().get("link").ok().flatten();
    Ok(Answered {
        answer,
        turn_servers: turn_servers(&link.unwrap_or_default()),
    })
}

pub fn refusal(error: SignalingError, retry_after: Option<Duration>) -> Failure {
    match error.code {
        Code::Full | Code::TooMany => Failure::Full {
            message: error.message,
            retry_after,
        },
        Code::ShuttingDown => Failure::ShuttingDown { retry_after },
        Code::Internal | Code::Timeout | Code::Busy => Failure::ServerFailed(error),
        _ => Failure::Refused(error),
    }
}

async fn text(response: &Response) -> Result<String, Failure> {
    let text = JsFuture::from(response.text().map_err(unanswered)?).await;
    Ok(text.map_err(unanswered)?.as_string().unwrap_or_default())
}

fn unanswered(cause: JsValue) -> Failure {
    let is_timeout = cause
        .dyn_ref::<DomException>()
        .is_some_and(|cause| ["TimeoutError", "AbortError"].contains(&&*cause.name()));
    if is_timeout {
        Failure::NoAnswer
    } else {
        Failure::Unreachable
    }
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get("retry-after").ok().flatten()?;
    let seconds = match value.trim().parse::<u32>() {
        Ok(seconds) => f64::from(seconds),
        Err(_) => (js_sys::Date::parse(&value) - js_sys::Date::now()) / 1e3,
    };
    Duration::try_from_secs_f64(seconds)
        .ok()
        .map(|wait| wait.min(LONGEST_RETRY_AFTER))
}
