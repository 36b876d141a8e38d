//! What a page asks of its browser beside a link: where it is, whether the server answers and UDP
//! can be sent, and the clipboard.

use super::Vantage;
use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, HtmlElement, RequestInit, RequestRedirect, RtcIceGatheringState, RtcPeerConnection,
};

/// How long the browser may look for addresses of its own, in milliseconds: it takes some 130.
const GATHERING: u32 = 2_000;

/// Where the page is. Whether the server answers and UDP can be sent is not known by this.
pub fn vantage() -> Vantage {
    let (location, navigator) = (window().location(), window().navigator());
    Vantage {
        is_https: location.protocol().is_ok_and(|scheme| scheme == "https:"),
        host: location.hostname().unwrap_or_default(),
        is_offline: !navigator.on_line(),
        is_answered: false,
        is_without_udp: false,
        browser: navigator.user_agent().unwrap_or_default(),
    }
}

/// Whether anything answers at the server's address, be it with a redirect.
pub async fn is_answered() -> bool {
    let request = RequestInit::new();
    request.set_redirect(RequestRedirect::Manual);
    JsFuture::from(window().fetch_with_str_and_init("health", &request))
        .await
        .is_ok()
}

/// Whether the browser finds an address to send UDP from: not where a setting or an extension
/// keeps WebRTC from it.
pub async fn can_send_udp() -> bool {
    let Ok(peer) = RtcPeerConnection::new() else {
        return false;
    };
    peer.create_data_channel("");
    let sdp = gather(&peer).await;
    peer.close();
    // Firefox writes it in capitals: a grammar’s words (RFC 8839 section 5.1) have no case.
    sdp.is_ok_and(|sdp| sdp.to_ascii_lowercase().contains(" udp "))
}

/// The description of this side with all its candidates, or with those found in time.
async fn gather(peer: &RtcPeerConnection) -> Result<String, JsValue> {
    let mut resolve = None::<Function>;
    let gathered = Promise::new(&mut |on_end, _| resolve = Some(on_end));
    let end = move || {
        if let Some(resolve) = &resolve {
            // It fails where the function does, and this one does not.
            let _ = resolve.call0(&JsValue::NULL);
        }
    };
    let _listener = EventListener::new(peer, "icegatheringstatechange", {
        let (peer, end) = (peer.clone(), end.clone());
        move |_: &Event| {
            if peer.ice_gathering_state() == RtcIceGatheringState::Complete {
                end();
            }
        }
    });
    let _timer = Timeout::new(GATHERING, end);
    let offer = JsFuture::from(peer.create_offer()).await?;
    JsFuture::from(peer.set_local_description(offer.unchecked_ref())).await?;
    JsFuture::from(gathered).await?;
    Ok(peer
        .local_description()
        .map(|description| description.sdp())
        .unwrap_or_default())
}

/// Puts text on the clipboard; `false` where the browser does not allow it, as it does not on a
/// page that came unencrypted from another machine.
pub async fn copy(text: String) -> bool {
    let clipboard = window().navigator().clipboard();
    if clipboard.is_undefined() {
        return false;
    }
    JsFuture::from(clipboard.write_text(&text)).await.is_ok()
}

/// What is typed into, or chosen in, the control of this id; empty where there is none.
pub fn typed(id: &str) -> String {
    property(id, "value").as_string().unwrap_or_default()
}

/// Whether the box of this id is checked.
pub fn is_checked(id: &str) -> bool {
    property(id, "checked").is_truthy()
}

fn property(id: &str, name: &str) -> JsValue {
    let control = document().get_element_by_id(id);
    control
        .and_then(|control| Reflect::get(&control, &name.into()).ok())
        .unwrap_or_default()
}

/// Says what is wrong with each of these controls in the element below it; nothing where that is
/// empty. What is wrong is told when it `is_used`, which also leads the reader to the first, and
/// taken back as soon as it is right.
pub fn correct(ids: &[&str], wrong: &[String], is_used: bool) {
    let mut is_first = is_used;
    for (id, wrong) in ids.iter().zip(wrong) {
        let Some(control) = document().get_element_by_id(id) else {
            continue;
        };
        let Some(below) = control.next_element_sibling() else {
            continue;
        };
        if is_used || below.has_child_nodes() {
            below.set_text_content(Some(wrong));
        }
        if !below.has_child_nodes() {
            let _ = control.remove_attribute("aria-invalid");
        } else {
            let _ = control.set_attribute("aria-invalid", "true");
            if is_first {
                is_first = false;
                let _ = control.unchecked_into::<HtmlElement>().focus();
            }
        }
    }
}
