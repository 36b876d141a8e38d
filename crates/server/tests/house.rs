//! The rooms of this crate, from the highest to the lowest: a room knows those below it, and none
//! above. What points up makes a circle sooner or later, and nothing in a circle can be read, tested
//! or replaced by itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From above to below.
const ROOMS: [&str; 24] = [
    "serve",
    "http",
    "shutdown",
    "sessions",
    "session",
    "update",
    "peer",
    "offer",
    "admission",
    "feeds",
    "topics",
    "engine",
    "channel",
    "socket",
    "fresh",
    "stats",
    "message",
    "presence",
    "auth",
    "request",
    "id",
    "config",
    "tls",
    "lock",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The rooms that a file names which lies so deep.
fn named(text: &str, depth: usize) -> BTreeSet<String> {
    let roots = ["crate::".to_owned(), "super::".repeat(depth)];
    let mut named = BTreeSet::new();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
    {
        for root in &roots {
            for (at, _) in line.match_indices(root.as_str()) {
                let rest = &line[at + root.len()..];
                let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_');
                let name = &rest[..end.unwrap_or(rest.len())];
                // `super::` is the end of `super::super::` too, and its beginning.
                if !line[..at].ends_with("super::") && name != "super" && !rest.starts_with('*') {
                    named.insert(name.to_owned());
                }
            }
        }
    }
    named
}

#[test]
fn no_room_knows_one_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    assert!(all.len() > 30, "{} files", all.len());
    let floor = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut wrong = Vec::new();
    for path in all {
        let inside = path.strip_prefix(&source).unwrap().with_extension("");
        let parts: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        if parts == ["lib"] {
            continue;
        }
        let Some(here) = floor(parts[0]) else {
            wrong.push(format!("{} is in no room: add it to ROOMS", path.display()));
            continue;
        };
        for room in named(&fs::read_to_string(&path).unwrap(), parts.len()) {
            if room != parts[0] && floor(&room).is_none_or(|there| there < here) {
                wrong.push(format!("{} knows {room}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
