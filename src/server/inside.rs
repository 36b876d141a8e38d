//! The page's files inside the program, for where there are none beside it.

use super::files::NotFound;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use leptos::config::LeptosOptions;
use rust_embed::RustEmbed;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

/// The site, as it was when the program was built.
#[cfg(feature = "site-inside")]
#[derive(RustEmbed)]
#[folder = "target/dist/site"]
pub struct Site;

/// How files are compressed beforehand: the coding, and what their names end with, the best first. One that is
/// so in both ways need not be there as it is.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), GZIP];
const GZIP: (&str, &str) = ("gzip", ".gz");

/// A number that changes with the names and the content of all files of a folder.
pub fn fingerprint<E: RustEmbed>(folder: &str) -> u64 {
    let mut names: Vec<_> = E::iter().filter(|name| name.starts_with(folder)).collect();
    names.sort_unstable();
    let mut content = DefaultHasher::new();
    for name in names {
        let hash = E::get(&name).map(|file| file.metadata.sha256_hash());
        (name, hash).hash(&mut content);
    }
    content.finish()
}

/// Serves them, as [`super::files::service`] does those beside the program.
pub fn service<E: RustEmbed>(
    options: &LeptosOptions,
    named: &LeptosOptions,
    not_found: NotFound,
) -> Router {
    let (package, named) = (
        options.site_pkg_dir.clone(),
        format!("/{}/", named.site_pkg_dir),
    );
    Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap| {
        let path = uri.path();
        let (name, cache) = match path.strip_prefix(&*named) {
            Some(rest) => (
                format!("{package}/{rest}"),
                "public, max-age=31536000, immutable",
            ),
            None => (path.trim_start_matches('/').to_owned(), "no-cache"),
        };
        let is_read = method == Method::GET || method == Method::HEAD;
        let found = is_read
            .then(|| found::<E>(&name, cache, &headers))
            .flatten();
        async move {
            match found {
                Some(response) => response,
                None => not_found.answer(headers).await,
            }
        }
    })
}

fn found<E: RustEmbed>(name: &str, cache: &'static str, headers: &HeaderMap) -> Option<Response> {
    let mut response = answer::<E>(name, headers)?;
    let kept = response.headers_mut();
    kept.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    kept.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Some(response)
}

fn answer<E: RustEmbed>(name: &str, headers: &HeaderMap) -> Option<Response> {
    let accepted = headers.get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let is_accepted = |coding: &str| {
        let mut codings = accepted.split(',').map(str::trim);
        codings.any(|it| it.split(';').next() == Some(coding) && !it.ends_with("q=0"))
    };
    let coded = |end: &str| E::get(&format!("{name}{end}"));
    let mut codings = CODINGS.iter().filter(|(coding, _)| is_accepted(coding));
    let (coding, file) = match codings.find_map(|(coding, end)| Some((*coding, coded(end)?))) {
        Some((coding, file)) => (Some(coding), file),
        None => (None, E::get(name).or_else(|| coded(GZIP.1))?),
    };
    let mut entity_tag = format!("\"{}-", coding.unwrap_or_default());
    for byte in &file.metadata.sha256_hash()[..16] {
        // Writing to a string does not fail.
        let _ = write!(entity_tag, "{byte:02x}");
    }
    entity_tag.push('"');
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|it| it.to_str().ok());
    let is_known = known.any(|known| known.split(',').any(|it| it.trim() == entity_tag));
    let tag = [(header::ETAG, entity_tag)];
    if is_known {
        return Some((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    let is_whole = coding.is_some() || E::get(name).is_some();
    let bytes = match is_whole {
        true => file.data.into_owned(),
        false => unpacked(&file.data)?,
    };
    let coding = coding.map(|coding| [(header::CONTENT_ENCODING, coding)]);
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let content_type = [(header::CONTENT_TYPE, kind.to_string())];
    Some((tag, content_type, coding, Bytes::from(bytes)).into_response())
}

/// What was compressed, for the few who take it as it is alone.
fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;
    use tower::ServiceExt;

    #[derive(RustEmbed)]
    #[folder = "style"]
    struct Style;

    async fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
        let mut options = LeptosOptions::builder().output_name("tickwire").build();
        options.site_pkg_dir = "parts".into();
        let mut named = options.clone();
        named.site_pkg_dir = "parts/0123".into();
        let not_found = NotFound::new(&named, "");
        let service = service::<Style>(&options, &named, not_found);
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        service
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn files_inside_are_served_with_their_type_and_a_tag() {
        let name = Style::iter().find(|name| name.ends_with(".css")).unwrap();
        let response = get(&format!("/{name}"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/css");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        let tag = response.headers()[header::ETAG]
            .to_str()
            .unwrap()
            .to_owned();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert_eq!(&body[..], &Style::get(&name).unwrap().data[..]);
        let known = get(&format!("/{name}"), &[(header::IF_NONE_MATCH, &tag)]).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        for path in ["/none.css", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/"] {
            let response = get(path, &[]).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_ne!(fingerprint::<Style>(""), fingerprint::<Style>("none"));
    }

    #[test]
    fn what_is_there_compressed_alone_is_unpacked_for_who_does_not_take_it_so() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"body {}").unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(unpacked(&packed).unwrap(), b"body {}");
        assert_eq!(unpacked(&packed[..8]), None);
    }
}
