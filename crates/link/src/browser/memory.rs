//! Which way got through of late, as the browser keeps it over visits.

use super::driver::Driver;
use leptos::prelude::{WithValue, window};
use web_sys::Storage;

/// How long it counts, in milliseconds: a day.
const REMEMBERED: f64 = 86_400_000.0;

impl Driver {
    /// Where the server's router is, as the page has it.
    pub(super) fn server(self) -> String {
        let server = self.options.try_with_value(|it| it.server.clone());
        server.unwrap_or_default()
    }

    /// Whether a WebSocket was the way to this server of late.
    pub(super) fn remembers_socket(self) -> bool {
        let since = storage().and_then(|it| it.get_item(&self.name()).ok()?);
        let since = since.and_then(|it| it.parse::<f64>().ok());
        since.is_some_and(|since| js_sys::Date::now() - since < REMEMBERED)
    }

    /// Remembers whether the current session is by one.
    pub(super) fn remember_way(self) {
        let Some(storage) = storage() else { return };
        // Where nothing may be kept, the next visit takes a little longer.
        let _ = if self.is_by_socket() {
            storage.set_item(&self.name(), &js_sys::Date::now().to_string())
        } else {
            storage.remove_item(&self.name())
        };
    }

    /// As the JavaScript client has it.
    fn name(self) -> String {
        format!("tickwire {}", self.server())
    }
}

fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
