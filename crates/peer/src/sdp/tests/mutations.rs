//! Offers that were damaged at random.

use super::checks::check;
use super::*;

/// A linear congruential generator: the same damage in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len())]
    }
}

const PIECES: [&str; 34] = [
    "",
    "\r",
    "\n",
    "\r\n",
    "\0",
    " ",
    "\t",
    ":",
    "/",
    "=",
    "0",
    "9",
    "65536",
    "-",
    "é",
    "\u{2028}",
    "\u{feff}",
    "\u{85}",
    "\"",
    "\r\na=ice-lite\r\n",
    "\r\nm=audio 9 RTP/AVP 0\r\n",
    "\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    "\r\nm=application 9/2 DTLS/SCTP 5000\r\n",
    "\r\na=bundle-only\r\n",
    "\r\na=mid:0\r\n",
    "\r\na=group:BUNDLE 0 1\r\n",
    "\r\na=setup:passive\r\n",
    "\r\na=setup:active\r\n",
    "\r\na=sctpmap:5000 webrtc-datachannel\r\n",
    "\r\na=sctp-port:1\r\n",
    "\r\na=candidate:",
    "\r\na=fingerprint:sha-256 00\r\n",
    "\r\nm=",
    "\r\na=end-of-candidates",
];

/// One change: a piece in place of some characters, or a line left out, doubled or moved.
fn damaged(sdp: &str, random: &mut Random) -> String {
    let lines: Vec<&str> = sdp.split_inclusive('\n').collect();
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    let mut changed = lines.clone();
    match random.below(5) {
        0 => drop(changed.drain(one.min(other)..one.max(other).min(one.min(other) + 3))),
        1 => changed.insert(other, lines.get(one).copied().unwrap_or_default()),
        2 if !lines.is_empty() => changed.swap(one, other),
        _ => {
            let characters: Vec<char> = sdp.chars().collect();
            let start = random.below(characters.len() + 1);
            let end = (start + random.below(4)).min(characters.len());
            let before: String = characters[..start].iter().collect();
            let after: String = characters[end..].iter().collect();
            return before + random.pick(&PIECES) + &after;
        }
    }
    changed.concat()
}

/// Reads it; an answer must pass every check, a refusal must be fit to be shown.
fn try_one(sdp: &str) -> bool {
    match Offer::read(sdp) {
        Ok(offer) => {
            check(&sdp.replace('\u{feff}', ""), &answer(&offer));
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.contains(char::is_control), "{message:?}");
            assert!(message.chars().count() < 900, "{message}");
            false
        }
    }
}

#[test]
fn an_offer_that_was_damaged_is_answered_well_or_refused() {
    let mut random = Random(8_866);
    let (mut answered, mut refused) = (0, 0);
    for text in wild::texts() {
        for _ in 0..150 {
            let mut sdp = text.to_owned();
            for _ in 0..=random.below(4) {
                sdp = damaged(&sdp, &mut random);
                if try_one(&sdp) {
                    answered += 1;
                } else {
                    refused += 1;
                }
            }
        }
    }
    // Both kinds were really tried.
    assert!(answered > 1_000 && refused > 1_000, "{answered} {refused}");
}

#[test]
fn an_offer_that_was_cut_is_answered_well_or_refused() {
    for text in wild::texts() {
        for (end, _) in text.char_indices() {
            try_one(&text[..end]);
        }
    }
}
