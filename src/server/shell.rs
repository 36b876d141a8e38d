//! The HTML document around the page, and the headers that say what it may do.

use crate::app::App;
use axum::http::{HeaderValue, header};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

/// The whole document, rendered on the server.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    set_policy(options.reload_port);
    // Whatever path a proxy serves the page at: all it asks for is asked for from there.
    let stylesheet = format!(".{}", options.css_path());
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <title>"Tickwire"</title>
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="description" content=crate::app::SUMMARY />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href="favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=stylesheet />
                <AutoReload options=options.clone() />
                <HydrationScripts options root="." />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Content-Security-Policy: this origin's scripts (and those with the request's nonce), style,
/// and requests; nothing else, and no frame around the page.
fn set_policy(reload_port: u32) {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else {
        return;
    };
    // `cargo leptos watch` reloads the page over a WebSocket of its own, and only it sets this.
    let reload = if std::env::var_os("LEPTOS_WATCH").is_some() {
        format!(" ws://localhost:{reload_port} ws://127.0.0.1:{reload_port}")
    } else {
        String::new()
    };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' data:; connect-src 'self'{reload}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}
