//! The browser’s half: what `tickwire` exports to the page.

pub use tickwire::hydrate::{hydrate, unmount};
