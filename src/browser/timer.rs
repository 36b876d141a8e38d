//! A timer that has an owner.

use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Closure<dyn FnMut()>, milliseconds: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The longest wait, in milliseconds: browsers count it in 31 bits.
const LONGEST: f64 = i32::MAX as f64;

/// Calls back once, unless it is dropped before.
pub struct Timer {
    /// As the browser has it: not every clock that stands in for its own counts in 32 bits.
    handle: JsValue,
    _closure: Closure<dyn FnMut()>,
}

impl Timer {
    /// Calls `then` after so many milliseconds, at once where they are not more than 0. A wait
    /// of more than 24 days ends early.
    pub fn after(milliseconds: f64, then: impl FnOnce() + 'static) -> Self {
        let mut then = Some(then);
        let closure = Closure::<dyn FnMut()>::new(move || {
            if let Some(then) = then.take() {
                then();
            }
        });
        Self {
            handle: set_timeout(&closure, milliseconds.ceil().clamp(0.0, LONGEST)),
            _closure: closure,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.handle);
    }
}
