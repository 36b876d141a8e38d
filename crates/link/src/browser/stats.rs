//! What `getStats` tells of the way that data takes.

use super::json::get;
use crate::{CandidateKind, Family, Path};
use std::net::IpAddr;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::RtcPeerConnection;

/// The path in use and the round trip of the newest check along it, where there is one and the
/// browser says so.
pub async fn path(peer: &RtcPeerConnection) -> Option<(Path, Option<Duration>)> {
    let report = JsFuture::from(peer.get_stats()).await.ok()?;
    let all: Vec<JsValue> = js_sys::try_iter(&call(&report, "values")?)
        .ok()??
        .flatten()
        .collect();
    let by_id = |id: &str| {
        all.iter()
            .find(|entry| string(entry, "id").as_deref() == Some(id))
    };
    let pair = all
        .iter()
        .filter(|entry| string(entry, "type").as_deref() == Some("transport"))
        .find_map(|transport| by_id(&string(transport, "selectedCandidatePairId")?))
        // Older Firefox says it of the pair itself.
        .or_else(|| all.iter().find(|entry| get(entry, "selected").is_truthy()))?;
    let local = by_id(&string(pair, "localCandidateId")?)?;
    let remote = by_id(&string(pair, "remoteCandidateId")?)?;
    let (local_address, remote_address) = (address(local), address(remote));
    let round_trip = get(pair, "currentRoundTripTime")
        .as_f64()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let path = Path {
        family: match remote_address.or(local_address) {
            Some((IpAddr::V4(_), _)) => Family::V4,
            Some((IpAddr::V6(_), _)) => Family::V6,
            None => Family::Unknown,
        },
        protocol: string(local, "protocol").unwrap_or_else(|| "udp".into()),
        local: kind(local),
        remote: kind(remote),
        local_address,
        remote_address,
    };
    Some((path, round_trip))
}

fn string(entry: &JsValue, key: &str) -> Option<String> {
    get(entry, key).as_string()
}

fn call(object: &JsValue, method: &str) -> Option<JsValue> {
    let method: js_sys::Function = get(object, method).dyn_into().ok()?;
    method.call0(object).ok()
}

fn kind(candidate: &JsValue) -> CandidateKind {
    match string(candidate, "candidateType").as_deref() {
        Some("srflx") => CandidateKind::ServerReflexive,
        Some("prflx") => CandidateKind::PeerReflexive,
        Some("relay") => CandidateKind::Relay,
        _ => CandidateKind::Host,
    }
}

/// `None` for one that the browser hides behind an mDNS name, or leaves out.
fn address(candidate: &JsValue) -> Option<(IpAddr, u16)> {
    let address = string(candidate, "address").or_else(|| string(candidate, "ip"))?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let port = get(candidate, "port").as_f64()?;
    Some((address.parse().ok()?, port as u16))
}
