//! A timer that has an owner.

use leptos::prelude::window;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Calls back once, unless it is dropped before.
pub struct Timer {
    handle: Option<i32>,
    _closure: Closure<dyn FnMut()>,
}

impl Timer {
    /// Calls `then` after so many milliseconds, at once where they are not more than 0. Browsers
    /// count them in 31 bits; a longer wait ends early.
    pub fn after(milliseconds: f64, then: impl FnOnce() + 'static) -> Self {
        let mut then = Some(then);
        let closure = Closure::<dyn FnMut()>::new(move || {
            if let Some(then) = then.take() {
                then();
            }
        });
        let wait = milliseconds.ceil().clamp(0.0, f64::from(i32::MAX)) as i32;
        let handle = window().set_timeout_with_callback_and_timeout_and_arguments_0(
            closure.as_ref().unchecked_ref(),
            wait,
        );
        Self {
            handle: handle.ok(),
            _closure: closure,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(handle) = self.handle {
            window().clear_timeout_with_handle(handle);
        }
    }
}
