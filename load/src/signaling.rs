//! `POST /sdp` and `DELETE /sdp/{id}`.

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A session as the server answered it.
pub struct Answer {
    pub id: String,
    pub sdp: String,
}

/// The server's signalling. Copies share nothing but the address: each request is a connection
/// of its own, as each browser's is.
#[derive(Clone)]
pub struct Signaling {
    url: String,
    agent: ureq::Agent,
    /// Which address the next offer says that it comes from, where it says so.
    next: Option<Arc<AtomicU32>>,
}

impl Signaling {
    pub fn new(url: &str, spread: bool) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Self {
            url: url.into(),
            agent,
            // Those of other runs are others.
            next: spread.then(|| Arc::new(AtomicU32::new(std::process::id() << 12))),
        }
    }

    pub async fn offer(&self, sdp: String) -> Result<Answer, String> {
        let asked = self.clone();
        blocking(move || asked.post(&sdp)).await
    }

    pub async fn end(&self, id: String) -> Result<(), String> {
        let asked = self.clone();
        blocking(move || {
            let url = format!("{}/sdp/{id}", asked.url);
            let ended = asked.agent.delete(url).call();
            ended.map(|_| ()).map_err(|cause| cause.to_string())
        })
        .await
    }

    fn post(&self, sdp: &str) -> Result<Answer, String> {
        let offer = json!({"type": "offer", "sdp": sdp});
        let failed = |cause: ureq::Error| format!("POST {}/sdp: {cause}", self.url);
        let mut request = self.agent.post(format!("{}/sdp", self.url));
        if let Some(next) = &self.next {
            let number = next.fetch_add(1, Ordering::Relaxed) & 0x00ff_ffff;
            let address = Ipv4Addr::from(0x0a00_0000 | number);
            request = request.header("x-forwarded-for", address.to_string());
        }
        let mut response = request.send_json(offer).map_err(failed)?;
        let status = response.status();
        let body: Value = response.body_mut().read_json().unwrap_or_default();
        let text = |key: &str| body[key].as_str().map(String::from);
        match (status.is_success(), text("sdp"), text("id")) {
            (true, Some(sdp), Some(id)) => Ok(Answer { id, sdp }),
            _ => Err(format!(
                "POST {}/sdp was answered with {status}: {}",
                self.url,
                text("message").unwrap_or_else(|| "no session description".into())
            )),
        }
    }
}

async fn blocking<T: Send + 'static>(
    request: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(request)
        .await
        .unwrap_or_else(|cause| Err(cause.to_string()))
}
