//! The streams in which topics are kept: made where they are missing, and made anew where they have lost
//! what they had.

use crate::subject::Namespace;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::{info, warn};

/// How long NATS tells that a message is gone whose time is over.
const MARKERS: Duration = Duration::from_secs(60);
/// How long NATS knows an entry of a log again.
const KNOWN_AGAIN: Duration = Duration::from_secs(120);

/// A stream, as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    pub name: String,
    subjects: String,
    /// How many messages a subject has at most.
    max: i64,
    is_file: bool,
}

impl StreamSpec {
    /// That of the newest values.
    pub fn values(namespace: &Namespace, is_file: bool) -> Self {
        Self {
            name: namespace.values_stream(),
            subjects: namespace.values(),
            max: 1,
            is_file,
        }
    }

    /// That of the logs which were added by this name or pattern. Of each log it has one entry more than is
    /// kept, which tells whether something before those is gone.
    pub fn log(namespace: &Namespace, of: &str, keep: usize) -> Self {
        Self {
            name: namespace.log_stream(of),
            subjects: namespace.entries(of),
            max: i64::try_from(keep).unwrap_or(i64::MAX).saturating_add(1),
            is_file: true,
        }
    }

    fn config(&self, replicas: usize) -> Config {
        let is_newest = self.max == 1;
        Config {
            name: self.name.clone(),
            subjects: vec![self.subjects.clone()],
            max_messages_per_subject: self.max,
            storage: match self.is_file {
                true => StorageType::File,
                false => StorageType::Memory,
            },
            num_replicas: replicas,
            // So what is in this stream is newer than all that was in one before it, and each node sees so.
            first_sequence: Some(now_micros()),
            allow_direct: true,
            allow_message_ttl: is_newest,
            subject_delete_marker_ttl: is_newest.then_some(MARKERS),
            duplicate_window: KNOWN_AGAIN,
            ..Config::default()
        }
    }
}

fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// A stream that is there.
pub struct Ready {
    pub stream: Stream,
    /// The first sequence that it has ever had, which tells it from those before it.
    pub first: u64,
    /// The newest that it has.
    pub last: u64,
    /// Whether it is another than this node has known before.
    pub is_another: bool,
}

/// Why a stream cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("NATS has no JetStream: start it with --jetstream")]
    NoJetStream,
    #[error("the stream {0} cannot be had: {1}")]
    Other(String, String),
}

/// What is known of streams.
#[derive(Debug)]
pub struct Streams {
    jetstream: Context,
    replicas: usize,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    first: u64,
    /// The highest sequence that was seen.
    seen: u64,
}

impl Streams {
    pub fn new(jetstream: Context, replicas: usize) -> Self {
        Self {
            jetstream,
            replicas,
            known: Mutex::default(),
        }
    }

    /// A stream had a message of this sequence.
    pub fn saw(&self, name: &str, sequence: u64) {
        if let Some(known) = self.known().get_mut(name) {
            known.seen = known.seen.max(sequence);
        }
    }

    /// The stream, made where it is missing.
    pub async fn ready(&self, spec: &StreamSpec) -> Result<Ready, StreamError> {
        let mut stream = self.get_or_create(spec).await?;
        let mut now = at(&stream);
        let known = self.known().get(&spec.name).copied();
        if let Some(known) = known
            && known.first == now.0
            && now.1 < known.seen
        {
            // It would give sequences again that others have seen with other values.
            warn!(
                stream = spec.name,
                "the stream has lost what it had: it is made anew"
            );
            let _ = self.jetstream.delete_stream(&spec.name).await;
            stream = self.get_or_create(spec).await?;
            now = at(&stream);
        }
        let (first, last) = now;
        let is_another = known.is_some_and(|known| known.first != first);
        let mut all = self.known();
        let known = all
            .entry(spec.name.clone())
            .or_insert(Known { first, seen: 0 });
        if known.first != first {
            *known = Known { first, seen: 0 };
        }
        known.seen = known.seen.max(last);
        Ok(Ready {
            stream,
            first,
            last,
            is_another,
        })
    }

    async fn get_or_create(&self, spec: &StreamSpec) -> Result<Stream, StreamError> {
        let failed = |cause: String| StreamError::Other(spec.name.clone(), cause);
        let wanted = spec.config(self.replicas);
        let there = match self.jetstream.get_stream(&spec.name).await {
            Ok(stream) => stream,
            Err(cause) => match cause.kind() {
                GetStreamErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    match self.jetstream.create_stream(&wanted).await {
                        Ok(stream) => {
                            info!(stream = spec.name, "made");
                            return Ok(stream);
                        }
                        Err(cause) => match cause.kind() {
                            // Another node was quicker.
                            CreateStreamErrorKind::JetStream(error)
                                if error.error_code() == ErrorCode::STREAM_NAME_EXIST =>
                            {
                                let stream = self.jetstream.get_stream(&spec.name).await;
                                stream.map_err(|cause| failed(cause.to_string()))?
                            }
                            _ => return Err(failed(cause.to_string())),
                        },
                    }
                }
                GetStreamErrorKind::JetStream(error)
                    if [
                        ErrorCode::JETSTREAM_NOT_ENABLED,
                        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT,
                    ]
                    .contains(&error.error_code()) =>
                {
                    return Err(StreamError::NoJetStream);
                }
                _ => return Err(failed(cause.to_string())),
            },
        };
        let config = &there.cached_info().config;
        if config.max_messages_per_subject != wanted.max_messages_per_subject {
            let changed = Config {
                max_messages_per_subject: wanted.max_messages_per_subject,
                ..config.clone()
            };
            let changed = self.jetstream.update_stream(&changed).await;
            changed.map_err(|cause| failed(cause.to_string()))?;
        }
        Ok(there)
    }

    /// The table is whole at any time that a panic could leave it.
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The first sequence of a stream ever, and the newest.
fn at(stream: &Stream) -> (u64, u64) {
    let info = stream.cached_info();
    let first = info.config.first_sequence.unwrap_or(1);
    (first, info.state.last_sequence.max(first.saturating_sub(1)))
}
