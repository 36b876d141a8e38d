//! Drawing in step with the screen.

use super::clock::now;
use super::frame::Frame;
use super::timer::Timer;
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
    let drawing = StoredValue::new_local(Drawing::new(Box::new(draw)));
    Callback::new(move |()| {
        drawing.try_with_value(|drawing| drawing.0.ask());
    })
}

/// The owner of what is asked of the browser. Dropping it takes that back.
struct Drawing(Rc<Request>);

/// There is never more than one frame asked for, nor more than one timer.
struct Request {
    /// What it hands to its timer.
    this: Weak<Request>,
    frame: Cell<Option<i32>>,
    on_frame: Closure<dyn FnMut()>,
    timer: Cell<Option<Timer>>,
}

impl Drawing {
    /// Boxed, so that what is drawn does not make another copy of all of this.
    fn new(draw: Box<dyn Fn(Frame) -> Option<Duration>>) -> Self {
        let reduced_motion = window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten();
        Self(Rc::new_cyclic(|this: &Weak<Request>| {
            let request = this.clone();
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
                this: this.clone(),
                frame: Cell::new(None),
                on_frame: Closure::new(on_frame),
                timer: Cell::new(None),
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
        self.timer.set(wait.map(|wait| {
            let request = self.this.clone();
            Timer::after(wait.as_secs_f64() * 1e3, move || {
                if let Some(request) = request.upgrade() {
                    request.ask();
                }
            })
        }));
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.0.timer.take();
        if let Some(frame) = self.0.frame.take() {
            // It fails for a number that was never given out, and this one was.
            let _ = window().cancel_animation_frame(frame);
        }
    }
}
