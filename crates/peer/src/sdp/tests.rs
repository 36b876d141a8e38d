use super::*;
use std::net::SocketAddr;

mod checks;
mod fields;
mod mutations;
mod refusals;
mod wild;

/// An offer as Chromium writes it.
const CHROMIUM: &str = include_str!("../../tests/offers/02-chromium-152-sctp-init.sdp");
/// An offer in the old syntax.
const FIREFOX_58: &str = include_str!("../../tests/offers/04-firefox-58-sctpmap.sdp");

/// Reads the offer and answers it as a server at two addresses does.
fn answer(offer: &Offer) -> String {
    answer_at(offer, &["192.0.2.1:8080", "[2001:db8::1]:8080"])
}

fn answer_at(offer: &Offer, addresses: &[&str]) -> String {
    let candidates: Vec<SocketAddr> = addresses
        .iter()
        .map(|address| address.parse().unwrap())
        .collect();
    offer.answer(&Local {
        ufrag: "Serv",
        password: "aServersPasswordOf25Chars",
        fingerprint: &Fingerprint::new(Hash::Sha256, &[0xab; 32]).unwrap(),
        sctp_port: 5_000,
        max_message_size: 65_548,
        candidates: &candidates,
        session_id: 1_234_567_890,
        version: 1,
        tcp: &[],
        ice_lite: true,
    })
}

fn read(sdp: &str) -> Offer {
    Offer::read(sdp).unwrap_or_else(|error| panic!("{error}\n{sdp}"))
}

fn refused(sdp: &str) -> OfferError {
    Offer::read(sdp).err().unwrap_or_else(|| panic!("{sdp}"))
}

/// The offer with one piece of text in place of another, which must be there.
fn edited(sdp: &str, from: &str, to: &str) -> String {
    assert!(sdp.contains(from), "{from}");
    sdp.replace(from, to)
}
