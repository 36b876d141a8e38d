//! The token that whoever opens the page hands over with its address.

use super::fragment::split_token;
use gloo_events::EventListener;
use leptos::prelude::*;

/// Takes the token out of the fragment of the page's address, now and whenever another is put
/// there: a fragment goes into no log and no referrer, and what is kept in memory into no history
/// and no bookmark.
pub fn use_token() -> StoredValue<Option<String>> {
    let token = StoredValue::new(None);
    take(token);
    // An address that differs in its fragment alone does not load the page again.
    let listener = EventListener::new(&window(), "hashchange", move |_| take(token));
    StoredValue::new_local(listener);
    token
}

fn take(kept: StoredValue<Option<String>>) {
    let location = window().location();
    let fragment = location.hash().unwrap_or_default();
    let Some((token, rest)) = split_token(&fragment) else {
        return;
    };
    let decoded = js_sys::decode_uri_component(token).map(String::from);
    let token = decoded.unwrap_or_else(|_| token.to_owned());
    kept.try_set_value(Some(token).filter(|token| !token.is_empty()));
    let href = location.href().unwrap_or_default();
    let address = href.split('#').next().unwrap_or_default();
    let hash = if rest.is_empty() { "" } else { "#" };
    let Ok(history) = window().history() else {
        return;
    };
    let state = history.state().unwrap_or_default();
    // It fails where the address is another origin's, and this one is the page's own.
    let _ = history.replace_state_with_url(&state, "", Some(&format!("{address}{hash}{rest}")));
}
