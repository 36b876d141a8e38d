mod common;

use common::{ED25519, P256, RSA, SECRET, at, encode, grant};
use tickwire_auth::{KeyError, Keys, MAX_KEYS, Options, Signer, TokenError, Verifier};

const SHORT: &str = include_str!("keys/rsa1024.public.pem");
const P384: &str = include_str!("keys/p384.public.pem");
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn secret(id: &str, secret: [u8; 32]) -> String {
    format!(r#"{{"kty":"oct","kid":"{id}","k":"{}"}}"#, encode(secret))
}

fn set(keys: &[String]) -> Result<Keys, KeyError> {
    Keys::jwks(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
}

#[test]
fn what_cannot_be_a_key_is_told() {
    assert_eq!(Keys::hmac(&[7; 31]).unwrap_err(), KeyError::ShortSecret(31));
    assert_eq!(
        Signer::hmac(&[7; 31]).unwrap_err(),
        KeyError::ShortSecret(31)
    );
    assert_eq!(Keys::pem("key").unwrap_err(), KeyError::NoPem("PUBLIC KEY"));
    assert_eq!(
        Signer::pem(P256[1]).unwrap_err(),
        KeyError::NoPem("PRIVATE KEY")
    );
    for [private, _] in [P256, ED25519, RSA] {
        assert_eq!(Keys::pem(private).unwrap_err(), KeyError::Private);
    }
    assert_eq!(Keys::pem(SHORT).unwrap_err(), KeyError::RsaBits(1_024));
    assert!(matches!(Keys::pem(P384), Err(KeyError::Unusable(_))));
    let damaged = P256[1].replace("MFkw", "MFkx");
    assert!(matches!(Keys::pem(&damaged), Err(KeyError::Unusable(_))));
}

#[test]
fn several_keys_are_one_set_of_them() {
    let text = [P256[1], ED25519[1], RSA[1]].concat();
    let keys = Keys::pem(&text)
        .unwrap()
        .and(Keys::hmac(&SECRET).unwrap())
        .unwrap();
    assert_eq!(keys.len(), 4);
    let verifier = Verifier::new(keys, Options::default());
    for signer in [
        Signer::pem(P256[0]),
        Signer::pem(ED25519[0]),
        Signer::pem(RSA[0]),
        Signer::hmac(&SECRET),
    ] {
        let token = signer.unwrap().sign(&grant()).unwrap();
        assert!(verifier.verify(&token, at(1_000)).is_ok());
    }
    let many: Vec<_> = (0..MAX_KEYS)
        .map(|it| secret(&it.to_string(), SECRET))
        .collect();
    let many = set(&many).unwrap();
    assert_eq!(many.len(), MAX_KEYS);
    assert_eq!(
        many.and(Keys::hmac(&SECRET).unwrap()).unwrap_err(),
        KeyError::TooMany
    );
}

#[test]
fn a_kid_chooses_its_key_and_no_other() {
    let (a, b) = ([1; 32], [2; 32]);
    let keys = set(&[secret("a", a), secret("b", b)]).unwrap();
    let sign = |by: [u8; 32], id: Option<&str>| {
        let mut grant = grant();
        grant.kid = id.map(String::from);
        Signer::hmac(&by).unwrap().sign(&grant).unwrap()
    };
    let verifier = Verifier::new(keys, Options::default());
    let verify = |by, id| verifier.verify(&sign(by, id), at(1_000)).map(|_| ());
    assert_eq!(verify(a, Some("a")), Ok(()));
    assert_eq!(verify(b, Some("b")), Ok(()));
    assert_eq!(verify(a, Some("b")), Err(TokenError::BadSignature));
    assert_eq!(verify(a, Some("c")), Err(TokenError::UnknownKey));
    assert_eq!(verify(a, None), Ok(()));
    assert_eq!(verify(b, None), Ok(()));
    assert_eq!(verify([3; 32], None), Err(TokenError::BadSignature));

    // A key without an id is tried where the id is that of no other.
    let mixed = set(&[secret("a", a)]).unwrap().and(Keys::hmac(&b).unwrap());
    verifier.set_keys(mixed.unwrap());
    let verify = |by, id| verifier.verify(&sign(by, id), at(1_000)).map(|_| ());
    assert_eq!(verify(b, Some("c")), Ok(()));
    assert_eq!(verify(b, Some("a")), Err(TokenError::BadSignature));
    assert_eq!(verify(a, Some("c")), Err(TokenError::UnknownKey));
    verifier.set_keys(Keys::hmac(&b).unwrap());
    let verify = |by, id| verifier.verify(&sign(by, id), at(1_000)).map(|_| ());
    assert_eq!(verify(b, Some("c")), Ok(()));
    assert_eq!(verify(a, Some("c")), Err(TokenError::BadSignature));
}

#[test]
fn keys_are_replaced_while_they_are_in_use() {
    let verifier = Verifier::new(Keys::pem(P256[1]).unwrap(), Options::default());
    let token = Signer::pem(P256[0]).unwrap().sign(&grant()).unwrap();
    for _ in 0..2 {
        assert!(verifier.verify(&token, at(1_000)).is_ok());
    }
    verifier.set_keys(Keys::pem(ED25519[1]).unwrap());
    assert_eq!(
        verifier.verify(&token, at(1_000)),
        Err(TokenError::WrongAlgorithm)
    );
    assert_eq!(verifier.keys().len(), 1);
}

#[test]
fn a_set_is_used_as_far_as_it_can_be() {
    let with = |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}"{more}}}"#);
    for good in [
        "",
        r#","use":"sig""#,
        r#","key_ops":["verify"]"#,
        r#","alg":"EdDSA""#,
        r#","kid":"1","x5c":7"#,
    ] {
        assert_eq!(set(&[with(good)]).unwrap().len(), 1, "{good}");
    }
    let wrong = [
        with(r#","use":"enc""#),
        with(r#","key_ops":["sign"]"#),
        with(r#","alg":"ES256""#),
        with(r#","kid":7"#),
        format!(r#"{{"kty":"OKP","crv":"X25519","x":"{X}"}}"#),
        format!(
            r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
            encode([1; 31])
        ),
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{X}"}}"#),
        format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"AA"}}"#),
        format!(r#"{{"kty":"EC","crv":"P-384","x":"{X}","y":"{X}","kid":"old"}}"#),
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.into(),
        r#"{"kty":"RSA","n":"!","e":"AQAB"}"#.into(),
        format!(r#"{{"kty":"RSA","n":"{}","e":"AA"}}"#, encode([255; 256])),
        format!(
            r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#,
            encode([255; 1_025])
        ),
        format!(r#"{{"kty":"oct","k":"{}"}}"#, encode([1; 31])),
        r#"{"kty":"AKP"}"#.into(),
        "7".into(),
    ];
    let mut all = wrong.to_vec();
    all.push(with(""));
    let keys = set(&all).unwrap();
    assert_eq!((keys.len(), keys.passed_over().len()), (1, wrong.len()));
    let old = keys.passed_over()[8].to_string();
    assert_eq!(old, r#"key 9 ("old"): its curve is not P-256 or Ed25519"#);

    let Err(error @ KeyError::NoneUsable(_)) = set(&wrong) else {
        panic!("none of these can be used");
    };
    assert!(error.to_string().contains(&old));
    for no_set in ["", "7", "{}", r#"{"keys":{}}"#] {
        assert_eq!(Keys::jwks(no_set).unwrap_err(), KeyError::NoSet);
    }
    assert_eq!(set(&[]).unwrap_err(), KeyError::NoneUsable(vec![]));
    assert_eq!(
        set(&vec![with(""); MAX_KEYS + 1]).unwrap_err(),
        KeyError::TooMany
    );
    assert_eq!(
        Keys::jwks(&" ".repeat(300_000)).unwrap_err(),
        KeyError::NoSet
    );
}

#[test]
fn nothing_secret_is_shown() {
    let secret = b"marker-marker-marker-marker-marker";
    let keys = Keys::hmac(secret)
        .unwrap()
        .and(Keys::pem(P256[1]).unwrap())
        .unwrap();
    let verifier = Verifier::new(keys, Options::default());
    let shown = format!(
        "{verifier:?} {:?} {:?}",
        verifier.keys(),
        Signer::hmac(secret).unwrap()
    );
    assert!(shown.contains("HS256") && shown.contains("ES256"));
    // m, a, r as bytes in a list.
    assert!(
        !shown.contains("marker") && !shown.contains("109, 97"),
        "{shown}"
    );
}
