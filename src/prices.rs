//! The demonstration topic, as both sides know it: prices of twenty symbols, from one that changes
//! twenty times a second to one that changes once a minute.

use tickwire_wire::Fields;

/// The topic's name, and the label of the feed that sends each change in order.
pub const PRICES: &str = "prices";
/// How many symbols there are.
pub const SYMBOLS: usize = 20;

/// The key of a symbol.
pub fn symbol(index: usize) -> String {
    format!("SYM{index:02}")
}

/// Which symbol has this key.
pub fn index(key: &str) -> Option<usize> {
    let index = key.strip_prefix("SYM")?.parse().ok()?;
    (index < SYMBOLS).then_some(index)
}

/// A price of one symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// With two digits after the point.
    pub price: String,
    /// Since when it is so, by the server's clock: milliseconds since 1970-01-01T00:00:00Z.
    pub time: f64,
}

impl Price {
    /// Reads a value of the topic; `None` for what is none.
    pub fn read(fields: &impl Fields) -> Option<Self> {
        Some(Self {
            price: fields.text("price")?,
            time: fields.number("time")?,
        })
    }
}
