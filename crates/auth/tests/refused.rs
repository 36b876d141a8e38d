//! What is refused, and how it is told.

mod common;

use common::{ED25519, P256, RSA, SECRET, at, by_hand, claims, encode, grant, hmac};
use proptest::prelude::*;
use tickwire_auth::{Keys, MAX_TOKEN, Options, Signer, TokenError, Verifier};

const CLAIMS: &str = r#"{"sub":"alice","exp":2000}"#;

#[test]
fn a_public_key_is_no_secret_and_none_is_no_algorithm() {
    for [_, public] in [P256, ED25519, RSA] {
        let verifier = Verifier::new(Keys::pem(public).unwrap(), Options::default());
        let forged = by_hand(r#"{"alg":"HS256"}"#, CLAIMS, public.as_bytes());
        assert_eq!(
            verifier.verify(&forged, at(1_000)),
            Err(TokenError::WrongAlgorithm)
        );
        // With a secret among the keys it is that alone which is tried.
        let both = Keys::pem(public).unwrap().and(Keys::hmac(&SECRET).unwrap());
        let verifier = Verifier::new(both.unwrap(), Options::default());
        assert_eq!(
            verifier.verify(&forged, at(1_000)),
            Err(TokenError::BadSignature)
        );
    }
    for algorithm in [
        "none", "None", "", "HS512", "hs256", "PS256", "ES384", "Ed25519",
    ] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        for token in [
            by_hand(&header, CLAIMS, &SECRET),
            format!("{}.{}.", encode(&header), encode(CLAIMS)),
        ] {
            assert_eq!(
                hmac().1.verify(&token, at(1_000)),
                Err(TokenError::Algorithm)
            );
        }
    }
    let unsigned = format!("{}.{}.", encode(r#"{"alg":"HS256"}"#), encode(CLAIMS));
    assert_eq!(
        hmac().1.verify(&unsigned, at(1_000)),
        Err(TokenError::BadSignature)
    );
}

#[test]
fn what_is_altered_is_refused() {
    for [private, public] in [P256, ED25519, RSA] {
        let token = Signer::pem(private).unwrap().sign(&grant()).unwrap();
        let verifier = Verifier::new(Keys::pem(public).unwrap(), Options::default());
        let (text, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = text.split_once('.').unwrap();
        for forged in [
            format!(
                "{header}.{}.{signature}",
                encode(r#"{"sub":"root","exp":2000}"#)
            ),
            format!("{text}.{}", &signature[4..]),
            format!("{text}.{signature}AAAA"),
            format!("{text}.{signature}="),
            format!("{text}."),
        ] {
            assert_eq!(
                verifier.verify(&forged, at(1_000)),
                Err(TokenError::BadSignature)
            );
        }
    }
}

#[test]
fn a_critical_header_is_refused() {
    let token = by_hand(
        r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
        CLAIMS,
        &SECRET,
    );
    assert!(matches!(
        hmac().1.verify(&token, at(1_000)),
        Err(TokenError::Malformed(_))
    ));
}

#[test]
fn what_is_no_token_is_malformed_and_a_long_one_is_not_read() {
    let signature = encode([0; 32]);
    for token in [
        String::new(),
        "...".into(),
        "a.b".into(),
        format!(
            "{}.{}.x.{signature}",
            encode(r#"{"alg":"HS256"}"#),
            encode(CLAIMS)
        ),
        by_hand("[]", CLAIMS, &SECRET),
        by_hand(r#"{"alg":7}"#, CLAIMS, &SECRET),
        by_hand(r#"{"alg":"HS256","kid":7}"#, CLAIMS, &SECRET),
        by_hand(r#"{"alg":"HS256"}"#, "7", &SECRET),
        by_hand(
            r#"{"alg":"HS256"}"#,
            r#"{"sub":"a","sub":"b","exp":2000}"#,
            &SECRET,
        ),
    ] {
        assert!(
            matches!(
                hmac().1.verify(&token, at(1_000)),
                Err(TokenError::Malformed(_))
            ),
            "{token}"
        );
    }
    let long = |length| {
        by_hand(
            r#"{"alg":"HS256"}"#,
            &format!(r#"{{"sub":"a","exp":2000,"x":"{}"}}"#, "x".repeat(length)),
            &SECRET,
        )
    };
    let (fits, long) = (long(6_000), long(6_200));
    assert!(fits.len() <= MAX_TOKEN && hmac().1.verify(&fits, at(1_000)).is_ok());
    assert!(long.len() > MAX_TOKEN);
    assert_eq!(hmac().1.verify(&long, at(1_000)), Err(TokenError::TooLong));
}

#[test]
fn a_claim_of_another_form_is_named_and_not_told() {
    let sha256 = encode([1; 31]);
    let many: Vec<_> = (0..65).map(|it| it.to_string()).collect();
    for (claim, json) in [
        ("sub", r#"{"exp":2000}"#.to_owned()),
        ("sub", r#"{"sub":7,"exp":2000}"#.into()),
        ("sub", r#"{"sub":"~marker","exp":2000}"#.into()),
        ("exp", r#"{"sub":"marker"}"#.into()),
        ("exp", r#"{"sub":"a","exp":"marker"}"#.into()),
        ("exp", r#"{"sub":"a","exp":-1}"#.into()),
        ("exp", r#"{"sub":"a","exp":1e300}"#.into()),
        ("exp", r#"{"sub":"a","exp":18446744073709551615}"#.into()),
        ("nbf", r#"{"sub":"a","exp":2000,"nbf":[]}"#.into()),
        (
            "subscribe",
            r#"{"sub":"a","exp":2000,"subscribe":["marker*"]}"#.into(),
        ),
        ("publish", r#"{"sub":"a","exp":2000,"publish":7}"#.into()),
        (
            "feeds",
            format!(r#"{{"sub":"a","exp":2000,"feeds":{many:?}}}"#),
        ),
        (
            "sessions",
            r#"{"sub":"a","exp":2000,"sessions":1.5}"#.into(),
        ),
        (
            "cnf",
            r#"{"sub":"a","exp":2000,"cnf":{"jkt":"marker"}}"#.into(),
        ),
        (
            "cnf",
            format!(r#"{{"sub":"a","exp":2000,"cnf":{{"x5t#S256":"{sha256}"}}}}"#),
        ),
    ] {
        let Err(error @ TokenError::Claim { claim: named, .. }) = claims(&json) else {
            panic!("{json} is refused for a claim");
        };
        assert_eq!(named, claim);
        assert!(!error.to_string().contains("marker"));
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".*\\..*\\..*") {
        let verifier = hmac().1;
        let _ = verifier.verify(&text, at(1_000));
        let _ = verifier.verify(&String::from_utf8_lossy(&bytes), at(1_000));
        let text = String::from_utf8_lossy(&bytes);
        let _ = claims(&text);
        let _ = verifier.verify(&by_hand(&text, CLAIMS, &SECRET), at(1_000));
        let _ = Keys::pem(&text);
        let _ = Keys::jwks(&text);
        let _ = Signer::pem(&text);
    }

    #[test]
    fn claims_of_any_json_are_a_user_or_an_error(value in "[0-9]{1,25}|-1|1e400|\\[\"[a*/~]{0,9}\"\\]|\\{\\}|\"[a*/ ]{0,9}\"|null", claim in "sub|exp|nbf|aud|subscribe|publish|feeds|sessions|cnf") {
        let _ = claims(&format!(r#"{{"sub":"a","exp":2000,"{claim}":{value}}}"#));
        let _ = claims(&format!(r#"{{"{claim}":{value}}}"#));
    }
}
