//! How many tokens are checked a second by one core: `cargo bench -p tickwire-auth -- [seconds]`.
//!
//! Each token says as much as those of a service usually do. For each algorithm: the length of the token,
//! and how often one is checked a second: a new one, one that was there before, and one whose signature is
//! wrong.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};
use tickwire_auth::{Grant, KeyError, Keys, Options, Patterns, Signer, Verifier};

const SECRET: [u8; 32] = [7; 32];

fn pair(private: &str, public: &str) -> Result<(Signer, Keys), KeyError> {
    Ok((Signer::pem(private)?, Keys::pem(public)?))
}

/// More tokens than are remembered.
fn tokens(signer: &Signer, grant: &mut Grant) -> Vec<String> {
    let sign = |number| {
        grant.sub = format!("user {number}");
        signer.sign(grant).expect("a token")
    };
    (0..11_000).map(sign).collect()
}

/// How often a second that this thread has a core.
fn rate(length: Duration, mut check: impl FnMut()) -> f64 {
    let (begun, before, mut count) = (Instant::now(), processor_time(), 0);
    while begun.elapsed() < length {
        for _ in 0..50 {
            check();
        }
        count += 50;
    }
    let wall = begun.elapsed();
    let took = processor_time()
        .zip(before)
        .map_or(wall, |(now, it)| now - it);
    f64::from(count) / took.as_secs_f64()
}

/// How long this thread has had a core, where the system is Linux: others may use the machine too.
fn processor_time() -> Option<Duration> {
    let times = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let time = times.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(time))
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let seconds = arguments
        .next()
        .map_or(2, |it| it.parse().expect("seconds"));
    let length = Duration::from_secs(seconds);
    let now = SystemTime::now();
    let mut grant = Grant::new("alice@example.com", now + Duration::from_secs(3_600));
    grant.aud.push("tickwire".to_owned());
    grant.subscribe = Patterns::parse(&["rooms/*/cursors", "prices/**"]).expect("patterns");
    grant.publish = Patterns::parse(&["rooms/7/cursors"]).expect("a pattern");

    println!(
        "{:8}{:>8}{:>12}{:>12}{:>12}",
        "", "bytes", "new/s", "again/s", "refused/s"
    );
    let hs256 = Signer::hmac(&SECRET).and_then(|it| Ok((it, Keys::hmac(&SECRET)?)));
    for (name, pair) in [
        ("HS256", hs256),
        (
            "ES256",
            pair(
                include_str!("../tests/keys/p256.pem"),
                include_str!("../tests/keys/p256.public.pem"),
            ),
        ),
        (
            "EdDSA",
            pair(
                include_str!("../tests/keys/ed25519.pem"),
                include_str!("../tests/keys/ed25519.public.pem"),
            ),
        ),
        (
            "RS256",
            pair(
                include_str!("../tests/keys/rsa.pem"),
                include_str!("../tests/keys/rsa.public.pem"),
            ),
        ),
    ] {
        let (signer, keys) = pair.expect("keys");
        let verifier = Verifier::new(keys, Options::default());
        let token = signer.sign(&grant).expect("a token");
        let (text, signature) = token.rsplit_once('.').expect("a signature");
        let other = if signature.starts_with('A') { 'B' } else { 'A' };
        let wrong = format!("{text}.{other}{}", &signature[1..]);
        let (mut at, new) = (0, &tokens(&signer, &mut grant));
        let good = rate(length, || {
            verifier.verify(black_box(&new[at]), now).expect("a user");
            at = (at + 1) % new.len();
        });
        let again = rate(length, || {
            verifier.verify(black_box(&token), now).expect("a user");
        });
        let refused = rate(length, || {
            verifier
                .verify(black_box(&wrong), now)
                .expect_err("a wrong one");
        });
        println!(
            "{name:8}{:>8}{good:>12.0}{again:>12.0}{refused:>12.0}",
            token.len()
        );
    }
}
