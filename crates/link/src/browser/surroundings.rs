//! What happens around a link: to the device's network, and to the page.

use crate::machine::Event;
use gloo_events::EventListener;
use leptos::prelude::{document, window};
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{EventTarget, VisibilityState};

/// Tells what happens, for as long as the listeners are kept.
pub fn listen(tell: impl Fn(Event) + Clone + 'static) -> Vec<EventListener> {
    let window = window();
    let document = document();
    let on = |target: &EventTarget, name: &'static str, event: Event| {
        let tell = tell.clone();
        EventListener::new(target, name, move |_: &web_sys::Event| tell(event.clone()))
    };
    let mut listeners = vec![
        on(&window, "online", Event::NetworkChanged),
        // A page that is left closes its session at once: ICE would take half a minute to
        // notice. One that comes back from the browser's cache opens another.
        on(&window, "pagehide", Event::Left),
        on(&window, "pageshow", Event::Seen),
        on(&document, "resume", Event::Seen),
        EventListener::new(&document, "visibilitychange", {
            let (tell, document) = (tell.clone(), document.clone());
            move |_: &web_sys::Event| {
                if document.visibility_state() == VisibilityState::Visible {
                    tell(Event::Seen);
                }
            }
        }),
    ];
    listeners.extend(listen_to_network(tell));
    listeners
}

/// Where the browser tells of the network's kind (`navigator.connection`, not in all). It also
/// tells of its speed, which is no reason to look for another way.
fn listen_to_network(tell: impl Fn(Event) + 'static) -> Option<EventListener> {
    let connection = get(&window().navigator(), "connection")?;
    let target: EventTarget = connection.clone().dyn_into().ok()?;
    let kind = move || get(&connection, "type").and_then(|kind| kind.as_string());
    let before = RefCell::new(kind());
    Some(EventListener::new(
        &target,
        "change",
        move |_: &web_sys::Event| {
            let now = kind();
            if before.replace(now.clone()) != now {
                tell(Event::NetworkChanged);
            }
        },
    ))
}

fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    js_sys::Reflect::get(object, &key.into())
        .ok()
        .filter(|value| !value.is_undefined())
}
