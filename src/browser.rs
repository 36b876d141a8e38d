//! What the page asks of its browser beside a link: where it is, what is typed, when to draw, and
//! the trials that it runs.

mod clock;
mod drawing;
mod fragment;
mod frame;
pub mod page;
mod runner;
mod running;
mod token;
mod vantage;

pub use clock::{now, resolution, time_of_day};
pub use drawing::use_drawing;
pub use frame::Frame;
pub use runner::Runner;
pub use running::use_runner;
pub use token::use_token;
pub use vantage::Vantage;

/// Markup that never changes, for `inner_html`. The server has rendered it, and hydration leaves
/// what is there: so the browser's half does not need to carry it a second time.
pub fn rendered(_markup: &'static str) -> &'static str {
    ""
}
