//! The page's files, as built into the site's root, and what is answered where there is none.

#[cfg(feature = "site-inside")]
use super::inside;
use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use leptos::config::LeptosOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{fs, io};
use tickwire_server::http::Refusal;
use tickwire_wire::signaling::{Code, SignalingError};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

const NOT_FOUND_PAGE: &str = include_str!("not_found.html");

/// The options with which a page is rendered: its script, its WebAssembly and its style are in a
/// folder whose name changes with them, so that a browser keeps them for a year and never takes
/// one of them with another's. `cargo leptos watch` changes them while the server runs: there the
/// folder has its own name.
pub fn named_by_content(options: &LeptosOptions) -> LeptosOptions {
    let is_watched = std::env::var_os("LEPTOS_WATCH").is_some();
    let content = fingerprint(&package(options)).ok();
    #[cfg(feature = "site-inside")]
    let content =
        content.or_else(|| Some(inside::fingerprint::<inside::Site>(&options.site_pkg_dir)));
    let mut named = options.clone();
    if let Some(content) = content.filter(|_| !is_watched) {
        named.site_pkg_dir = format!("{}/{content:016x}", options.site_pkg_dir).into();
    }
    named
}

/// Serves the files below the site's root, compressed beforehand where they are, and those of
/// `named`, which do not change. Of the others browsers ask each time whether they have.
pub fn service(options: &LeptosOptions, named: &LeptosOptions, base: &str) -> Router {
    let not_found = NotFound::new(named, base);
    // Those beside the program win.
    #[cfg(feature = "site-inside")]
    if !package(options).is_dir() {
        return inside::service::<inside::Site>(options, named, not_found);
    }
    let folder = |path: &Path, cache: fn(&Response) -> Option<HeaderValue>| {
        let not_found = not_found.clone();
        let files = ServeDir::new(path)
            .append_index_html_on_directories(false)
            .precompressed_br()
            .precompressed_gzip()
            .fallback((move |headers| not_found.answer(headers)).into_service());
        Router::new()
            .fallback_service(files)
            .layer(SetResponseHeaderLayer::if_not_present(
                header::CACHE_CONTROL,
                cache,
            ))
    };
    let site = folder(Path::new(options.site_root.as_ref()), |_| {
        Some(HeaderValue::from_static("no-cache"))
    });
    if named.site_pkg_dir == options.site_pkg_dir {
        return site;
    }
    let package = folder(&package(options), |response| {
        let year = HeaderValue::from_static("public, max-age=31536000, immutable");
        let is_there =
            response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
        is_there.then_some(year)
    });
    site.nest(&format!("/{}", named.site_pkg_dir), package)
}

/// Where the page's script, its WebAssembly and its style are.
fn package(options: &LeptosOptions) -> PathBuf {
    Path::new(options.site_root.as_ref()).join(options.site_pkg_dir.as_ref())
}

/// A number that changes with the names and the content of all files in a folder. Copies of this
/// program make the same of the same files.
fn fingerprint(folder: &Path) -> io::Result<u64> {
    let mut content = DefaultHasher::new();
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        entry.file_name().hash(&mut content);
        let path = entry.path();
        if path.is_dir() {
            fingerprint(&path)?.hash(&mut content);
        } else {
            fs::read(&path)?.hash(&mut content);
        }
    }
    Ok(content.finish())
}

/// What is answered where nothing is.
#[derive(Clone)]
pub struct NotFound {
    page: String,
}

impl NotFound {
    /// With a page that looks like the others, and links to them, below this path.
    pub fn new(named: &LeptosOptions, base: &str) -> Self {
        let page = NOT_FOUND_PAGE
            .replace("{base}", base)
            .replace("{style}", &named.css_path());
        Self { page }
    }

    /// A page for a browser, JSON for a program.
    pub async fn answer(self, headers: HeaderMap) -> Response {
        let wants_page = headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        if wants_page {
            return (StatusCode::NOT_FOUND, Html(self.page)).into_response();
        }
        Refusal(SignalingError::new(
            Code::NotFound,
            "Nothing is at this path. The page is at /, and offers go to /sdp.",
        ))
        .into_response()
    }
}
