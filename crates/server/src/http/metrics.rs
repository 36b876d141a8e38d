//! `GET /metrics`: what is counted, for Prometheus, in the text format of OpenMetrics.
//!
//! It is read when it is asked for, out of numbers that are counted in any case.

use crate::admission::Met;
use crate::engine::Engine;
use crate::sessions::Sessions;
use crate::stats::{Ended, Histogram, Openings};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::Ordering;
use std::{fmt, fs};
use tickwire_peer::port::Reason;

/// <https://prometheus.io/docs/instrumenting/exposition_formats/>
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub async fn metrics(State(sessions): State<Sessions>) -> impl IntoResponse {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Process));
    let own = registry.sub_registry_with_prefix("tickwire");
    own.register_collector(Box::new(Figures(sessions)));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut text, &registry);
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text)
}

struct Figures(Sessions);

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Figures")
    }
}

impl EncodeMetric for &Histogram {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let buckets: Vec<(f64, u64)> = self
            .counts()
            .map(|(bound, count)| match bound.is_finite() {
                true => (bound, count),
                // What the crate writes as +Inf.
                false => (f64::MAX, count),
            })
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// One after the other.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn one(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, metric.metric_type())?;
        metric.encode(encoder)
    }

    fn seconds(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let encoder = self
            .0
            .encode_descriptor(name, help, unit, metric.metric_type())?;
        metric.encode(encoder)
    }

    fn count(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        self.one(name, help, &ConstCounter::new(count))
    }

    /// One for each value of a label.
    fn counts(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let kind = MetricType::Counter;
        let mut encoder = self.0.encode_descriptor(name, help, None, kind)?;
        for (value, count) in counts {
            let labels = [(label, value)];
            ConstCounter::new(count).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        gauges: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let mut encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (value, gauge) in gauges {
            let labels = [(label, value)];
            let gauge = i64::try_from(gauge).unwrap_or(i64::MAX);
            ConstGauge::new(gauge).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, gauge: usize) -> fmt::Result {
        let gauge = i64::try_from(gauge).unwrap_or(i64::MAX);
        self.one(name, help, &ConstGauge::new(gauge))
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let Self(sessions) = self;
        let (stats, port) = (sessions.stats(), sessions.port());
        let admission = sessions.admission();
        let mut it = Writer(encoder);
        let pending = admission.pending();
        let states = [
            ("pending", pending as u64),
            ("open", sessions.count().saturating_sub(pending) as u64),
            ("silent", sessions.silent() as u64),
        ];
        it.gauges(
            "sessions",
            "Sessions by state; those whose client is silent are open too",
            "state",
            states,
        )?;
        let ended = Ended::ALL.map(|why| (why.name(), stats.ended[why as usize].get()));
        it.counts(
            "sessions_ended",
            "Sessions that have ended, by reason",
            "reason",
            ended,
        )?;
        openings(&mut it, &stats.openings)?;
        let met = Met::ALL.map(|met| (met.name(), admission.met(met)));
        let refused = sessions.connections().refused();
        let met = met
            .into_iter()
            .chain([("connections_per_address", refused)]);
        it.counts(
            "limits_met",
            "How often a limit was met, by limit",
            "limit",
            met,
        )?;
        let [udp, tcp] = port.peers_by_way().map(|count| count as u64);
        let sockets = stats.sockets.load(Ordering::Relaxed) as u64;
        let ways = [("udp", udp), ("tcp", tcp), ("websocket", sockets)];
        it.gauges(
            "session_paths",
            "Sessions that have a path, by way",
            "way",
            ways,
        )?;
        let dropped = Reason::ALL.map(|reason| (reason.name(), port.dropped(reason)));
        it.counts(
            "datagrams_dropped",
            "Datagrams dropped, by reason",
            "reason",
            dropped,
        )?;
        let [received, sent] = port.datagrams();
        it.count("datagrams_received", "Datagrams that came", received)?;
        it.count("datagrams_sent", "Datagrams that were sent", sent)?;
        let routes = port.routes().sources;
        it.gauge(
            "routes",
            "Addresses whose datagrams are routed to a session",
            routes,
        )?;
        it.count(
            "values_sent",
            "Values sent to readers",
            stats.values_sent.get(),
        )?;
        let arrived = "Values that readers have acknowledged";
        it.count("values_arrived", arrived, stats.values_arrived.get())?;
        let superseded = "Changes that a newer one took the place of while they waited to be sent";
        it.count(
            "values_superseded",
            superseded,
            stats.values_superseded.get(),
        )?;
        let published = "Values that clients have published";
        it.count("values_published", published, stats.values_published.get())?;
        it.count(
            "packets_sent",
            "Packets of values sent",
            stats.packets.get(),
        )?;
        let lost = "Packets of values taken for lost";
        it.count("packets_lost", lost, stats.packets_lost.get())?;
        let ages = "Age of values when they came to readers, without those that were there before";
        it.seconds("value_age", ages, &stats.ages())?;
        let round_trips = "Smoothed round trips of sessions that read topics, each every second";
        it.seconds("round_trip", round_trips, &&stats.round_trips)?;
        let rates = "Bytes a second that paths of sessions which read topics were found to carry, each every second";
        it.one("path_rate_bytes_per_second", rates, &&stats.rates)?;
        if let Some(topics) = sessions.topics() {
            it.count("values_put", "Changes of topics", topics.puts())?;
            let engine = topics.engine();
            if engine.nodes().is_some() {
                of_engine(&mut it, &*engine)?;
            }
        }
        let open = sessions.connections().open();
        it.gauge(
            "http_connections",
            "Connections of HTTP, and of clients by TCP",
            open,
        )?;
        let by_tcp = sessions.port().connections();
        it.gauge("tcp_connections", "Connections of clients by TCP", by_tcp)?;
        requests(&mut it, sessions)
    }
}

/// What keeps the topics of several nodes.
fn of_engine(it: &mut Writer<'_>, engine: &dyn Engine) -> fmt::Result {
    let figures = engine.figures();
    let sent = "Values given to the engine, those apart that were given again";
    it.count("engine_values_sent", sent, figures.sent)?;
    let repeated = "Values given to the engine again";
    it.count("engine_values_repeated", repeated, figures.repeated)?;
    let received = "Values that the engine has brought";
    it.count("engine_values_received", received, figures.received)?;
    let pending = "Values that the engine does not have yet";
    it.gauge("engine_values_pending", pending, figures.pending)?;
    let followed = "Topics that the engine brings, since somebody reads them here";
    it.gauge("engine_topics_followed", followed, figures.followed)?;
    let since = *engine.stale().borrow();
    let seconds = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
    let stale = "For how long the engine cannot be reached";
    it.seconds("engine_stale", stale, &ConstGauge::new(seconds))
}

/// What sessions took to open, by stage and outcome.
fn openings(it: &mut Writer<'_>, openings: &Openings) -> fmt::Result {
    let help = "Time from the answer until a stage of opening (handshake, then channel) was done, or failed with its session";
    let (kind, unit) = (MetricType::Histogram, Some(&Unit::Seconds));
    let mut encoder =
        it.0.encode_descriptor("session_opening", help, unit, kind)?;
    for ([stage, outcome], times) in openings.all() {
        let labels = [("stage", stage), ("outcome", outcome)];
        times.encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Requests by route, method and status.
fn requests(it: &mut Writer<'_>, sessions: &Sessions) -> fmt::Result {
    let help = "Requests, by route, method and status";
    let kind = MetricType::Counter;
    let mut encoder = it.0.encode_descriptor("http_requests", help, None, kind)?;
    for (request, count) in sessions.requests().counts() {
        let labels = [
            ("route", request.route.clone()),
            ("method", request.method.clone()),
            ("status", request.status.to_string()),
        ];
        ConstCounter::new(count).encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

/// What the kernel says of this process, where it does as Linux, under the names that all exporters have.
#[derive(Debug)]
struct Process;

/// The kernel counts processor time for programs in hundredths of a second (USER_HZ).
const TICKS: f64 = 100.0;

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut it = Writer(encoder);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| {
            let kilobytes = line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?;
            kilobytes.trim().parse::<usize>().ok()
        });
        if let Some(kilobytes) = resident {
            let help = "Resident memory, in bytes";
            it.gauge("process_resident_memory_bytes", help, kilobytes * 1_024)?;
        }
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // What comes behind the name, which may have blanks in it.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut used = fields.split_whitespace().skip(11).take(2);
        if let (Some(user), Some(system)) = (used.next(), used.next())
            && let (Ok(user), Ok(system)) = (user.parse::<f64>(), system.parse::<f64>())
        {
            let seconds = ConstCounter::new((user + system) / TICKS);
            it.seconds("process_cpu", "Processor time", &seconds)?;
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            // The folder itself is one while it is read.
            let open = files.count().saturating_sub(1);
            it.gauge("process_open_fds", "Open files", open)?;
        }
        Ok(())
    }
}
