//! What a page asks of its browser beside a link: where it is, whether the server answers, and the
//! clipboard.

use super::Vantage;
use leptos::prelude::window;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestInit, RequestRedirect};

/// Where the page is. Whether the server answers is not known by this.
pub fn vantage() -> Vantage {
    let (location, navigator) = (window().location(), window().navigator());
    Vantage {
        is_https: location.protocol().is_ok_and(|scheme| scheme == "https:"),
        host: location.hostname().unwrap_or_default(),
        is_offline: !navigator.on_line(),
        is_answered: false,
        browser: navigator.user_agent().unwrap_or_default(),
    }
}

/// Whether anything answers at the server's address, be it with a redirect.
pub async fn is_answered() -> bool {
    let request = RequestInit::new();
    request.set_redirect(RequestRedirect::Manual);
    JsFuture::from(window().fetch_with_str_and_init("/health", &request))
        .await
        .is_ok()
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
