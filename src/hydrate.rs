//! Where the browser's half starts, and where it ends.

use crate::app::App;
use leptos::mount::hydrate_from;
use leptos::prelude::document;
use std::cell::RefCell;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// Takes the page that is hydrated away.
    static UNMOUNT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Called by the script that the server puts into the page.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    // A document that runs a script of its head has a body by the time the module is there.
    let Some(body) = document().body() else {
        return;
    };
    // `hydrate_body` would keep the page for ever.
    let page = hydrate_from(body, App);
    UNMOUNT.set(Some(Box::new(move || drop(page))));
}

/// Takes the page away, and with it all that it made: its link and the session on the server,
/// listeners, timers. Nothing where there is no page.
#[wasm_bindgen]
pub fn unmount() {
    if let Some(unmount) = UNMOUNT.take() {
        unmount();
    }
}
