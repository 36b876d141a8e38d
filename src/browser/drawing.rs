//! Drawing in step with the screen.

use super::frame::Frame;
use super::now;
use gloo_render::{AnimationFrame, request_animation_frame};
use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;
use web_sys::MediaQueryList;

/// Returns what asks for a frame: `draw` is then called once before the next that the browser
/// shows, and again as long after it as `draw` says, if it does. A hidden page shows none. All
/// ends with the component that called this.
pub fn use_drawing(draw: impl Fn(Frame) -> Option<Duration> + 'static) -> Callback<()> {
    let drawing = StoredValue::new_local(Drawing::new(Box::new(draw)));
    Callback::new(move |()| {
        drawing.try_with_value(|drawing| drawing.ask());
    })
}

/// There is never more than one frame asked for, nor more than one timer. Dropping it takes both
/// back.
struct Drawing {
    /// What it hands to its frame and its timer.
    this: Weak<Self>,
    draw: Box<dyn Fn(Frame) -> Option<Duration>>,
    reduced_motion: Option<MediaQueryList>,
    frame: Cell<Option<AnimationFrame>>,
    timer: Cell<Option<Timeout>>,
}

impl Drawing {
    /// Boxed, so that what is drawn does not make another copy of all of this.
    fn new(draw: Box<dyn Fn(Frame) -> Option<Duration>>) -> Rc<Self> {
        let reduced_motion = window()
            .match_media("(prefers-reduced-motion: reduce)")
            .ok()
            .flatten();
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            draw,
            reduced_motion,
            frame: Cell::default(),
            timer: Cell::default(),
        })
    }

    fn ask(&self) {
        let frame = self.frame.take();
        self.frame.set(frame.or_else(|| {
            let on_frame = self.later(Self::draw);
            Some(request_animation_frame(move |_| on_frame()))
        }));
    }

    fn draw(&self) {
        self.frame.take();
        let is_calm = self.reduced_motion.as_ref();
        let again = (self.draw)(Frame {
            now: now(),
            is_calm: is_calm.is_some_and(MediaQueryList::matches),
        });
        // In place of what was planned before.
        self.timer.set(again.map(|wait| {
            let wait = wait.as_secs_f64() * 1e3;
            Timeout::new(wait.ceil() as u32, self.later(Self::ask))
        }));
    }

    /// Does this, if the drawing is still there then.
    fn later(&self, what: fn(&Self)) -> impl FnOnce() + 'static {
        let this = self.this.clone();
        move || {
            if let Some(this) = this.upgrade() {
                what(&this);
            }
        }
    }
}
