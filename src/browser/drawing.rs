//! Drawing in step with the screen.

use super::clock::now;
use super::frame::Frame;
use leptos::prelude::*;
use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::MediaQueryList;

/// Returns what asks for a frame: `draw` is then called once before the next that the browser
/// shows, and again as long after it as `draw` says, if it does. A hidden page shows none. All
/// ends with the component that called this.
pub fn use_drawing(draw: impl Fn(Frame) -> Option<Duration> + 'static) -> Callback<()> {
    let drawing = StoredValue::new_local(Drawing::new(draw));
    Callback::new(move |()| {
        drawing.try_with_value(|drawing| drawing.0.ask());
    })
}

/// The owner of what is asked of the browser. Dropping it takes that back.
struct Drawing(Rc<Request>);

/// There is never more than one frame asked for, nor more than one timer.
struct Request {
    frame: Cell<Option<i32>>,
    on_frame: Closure<dyn FnMut()>,
    timer: Cell<Option<i32>>,
    on_timer: Closure<dyn FnMut()>,
}

impl Drawing {
    fn new(draw: impl Fn(Frame) -> Option<Duration> + 'static) -> Self {
        let reduced_motion = window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten();
        Self(Rc::new_cyclic(|request: &Weak<Request>| {
            let on_timer = {
                let request = request.clone();
                move || {
                    if let Some(request) = request.upgrade() {
                        request.timer.set(None);
                        request.ask();
                    }
                }
            };
            let request = request.clone();
            let on_frame = move || {
                let Some(request) = request.upgrade() else {
                    return;
                };
                request.frame.set(None);
                let is_calm = reduced_motion.as_ref().is_some_and(MediaQueryList::matches);
                let again = draw(Frame {
                    now: now(),
                    is_calm,
                });
                request.plan(again);
            };
            Request {
                frame: Cell::new(None),
                on_frame: Closure::new(on_frame),
                timer: Cell::new(None),
                on_timer: Closure::new(on_timer),
            }
        }))
    }
}

impl Request {
    fn ask(&self) {
        if self.frame.get().is_none() {
            let callback = self.on_frame.as_ref().unchecked_ref();
            self.frame
                .set(window().request_animation_frame(callback).ok());
        }
    }

    /// Asks for a frame after this time, in place of what was planned before.
    fn plan(&self, wait: Option<Duration>) {
        self.cancel_timer();
        if let Some(wait) = wait {
            let callback = self.on_timer.as_ref().unchecked_ref();
            let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
            self.timer.set(
                window()
                    .set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait)
                    .ok(),
            );
        }
    }

    fn cancel_timer(&self) {
        if let Some(timer) = self.timer.take() {
            window().clear_timeout_with_handle(timer);
        }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.0.cancel_timer();
        if let Some(frame) = self.0.frame.take() {
            // It fails for a number that was never given out, and this one was.
            let _ = window().cancel_animation_frame(frame);
        }
    }
}
