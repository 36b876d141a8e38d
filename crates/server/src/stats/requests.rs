//! Requests by route, method and status.

use crate::lock::lock;
use axum::http::Method;
use std::collections::HashMap;
use std::sync::Mutex;

/// The most that are told apart: routes are a program's own, and statuses few.
const MOST: usize = 1_000;

/// What is told apart of requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    /// The route, as the program has written it.
    pub route: String,
    pub method: String,
    pub status: u16,
}

/// How many there were of each.
#[derive(Debug, Default)]
pub struct Requests(Mutex<HashMap<Kind, u64>>);

impl Requests {
    pub fn count(&self, route: String, method: &Method, status: u16) {
        // Methods are the client's to make up.
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|known| *known == method.as_str());
        let kind = Kind {
            route,
            method: method.unwrap_or("other").to_owned(),
            status,
        };
        let mut counts = lock(&self.0);
        if counts.len() < MOST || counts.contains_key(&kind) {
            *counts.entry(kind).or_default() += 1;
        }
    }

    pub fn counts(&self) -> Vec<(Kind, u64)> {
        let counts = lock(&self.0);
        let mut counts: Vec<_> = counts
            .iter()
            .map(|(kind, count)| (kind.clone(), *count))
            .collect();
        counts.sort_by(|(a, _), (b, _)| {
            (&a.route, &a.method, a.status).cmp(&(&b.route, &b.method, b.status))
        });
        counts
    }
}
