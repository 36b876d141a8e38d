mod common;

use common::{ED25519, P256, RSA, SECRET, at, by_hand, claims, grant, hmac};
use std::time::Duration;
use tickwire_auth::{
    Grant, Keys, LEEWAY, Options, Patterns, SignError, Signer, TokenError, Verifier,
};

#[test]
fn each_algorithm_goes_there_and_back() {
    let secret = (Signer::hmac(&SECRET).unwrap(), Keys::hmac(&SECRET).unwrap());
    let pairs = [P256, ED25519, RSA]
        .map(|[private, public]| (Signer::pem(private).unwrap(), Keys::pem(public).unwrap()));
    let all: Vec<_> = pairs.into_iter().chain([secret]).collect();
    for (which, (signer, _)) in all.iter().enumerate() {
        let token = signer.sign(&grant()).unwrap();
        for (other, (_, keys)) in all.iter().enumerate() {
            let verifier = Verifier::new(keys.clone(), Options::default());
            let user = verifier.verify(&token, at(1_000));
            if which == other {
                assert_eq!(user.unwrap().name(), "alice");
            } else {
                assert_eq!(user, Err(TokenError::WrongAlgorithm));
            }
        }
    }
}

#[test]
fn what_is_granted_is_what_the_user_may() {
    let (signer, verifier) = hmac();
    let mut grant = grant();
    grant.publish = Patterns::parse(&["rooms/7/cursors", "chat/**"]).unwrap();
    grant.feeds = Patterns::all();
    grant.nbf = Some(at(900));
    (grant.sessions, grant.cnf) = (Some(3), Some([9; 32]));
    let alice = verifier
        .verify(&signer.sign(&grant).unwrap(), at(1_000))
        .unwrap();
    assert!(alice.may_subscribe("rooms/8/cursors") && !alice.may_subscribe("chat/7"));
    assert!(alice.may_publish("chat/7") && !alice.may_publish("rooms/8/cursors"));
    assert!(alice.may_open("clock"));
    assert_eq!(alice.until(), Some(at(2_000) + LEEWAY));
    assert_eq!(alice.max_sessions(), Some(3));
    assert_eq!(alice.fingerprint(), Some(&[9; 32]));

    let bob = claims(r#"{"sub":"bob","exp":2000,"iss":[1,{}],"subscribe":"a b/*"}"#).unwrap();
    assert!(bob.may_subscribe("a") && bob.may_subscribe("b/1"));
    assert!(!bob.may_publish("a") && !bob.may_open("clock"));
    assert_eq!((bob.max_sessions(), bob.fingerprint()), (None, None));
}

#[test]
fn it_is_valid_from_nbf_to_exp_with_a_leeway() {
    let (signer, verifier) = hmac();
    let mut grant = grant();
    grant.nbf = Some(at(1_000));
    let token = signer.sign(&grant).unwrap();
    let verify = |seconds| verifier.verify(&token, at(seconds)).map(|_| ());
    assert_eq!(verify(969), Err(TokenError::NotYet));
    assert_eq!(verify(970), Ok(()));
    assert_eq!(verify(2_029), Ok(()));
    assert_eq!(verify(2_030), Err(TokenError::Expired));

    let options = Options {
        leeway: Duration::MAX,
        ..Options::default()
    };
    let verifier = Verifier::new(Keys::hmac(&SECRET).unwrap(), options);
    assert!(verifier.verify(&token, at(0)).is_ok());
    assert!(claims(r#"{"sub":"alice","exp":1000.5,"nbf":1e2}"#).is_ok());
}

/// Those by a public key are remembered, and looked at as before.
#[test]
fn a_token_that_was_good_is_good_no_longer_than_it_says() {
    let verifier = Verifier::new(Keys::pem(P256[1]).unwrap(), Options::default());
    let signer = Signer::pem(P256[0]).unwrap();
    let mut grant = grant();
    grant.nbf = Some(at(1_000));
    let (token, again) = (signer.sign(&grant).unwrap(), signer.sign(&grant).unwrap());
    assert_ne!(token, again);
    for seconds in [970, 2_029] {
        assert_eq!(
            verifier.verify(&token, at(seconds)),
            verifier.verify(&again, at(seconds))
        );
        assert!(verifier.verify(&token, at(seconds)).is_ok());
    }
    for _ in 0..2 {
        assert_eq!(verifier.verify(&token, at(969)), Err(TokenError::NotYet));
        assert_eq!(verifier.verify(&token, at(2_030)), Err(TokenError::Expired));
    }
    // The text that was signed, with the signature of another.
    let (text, _) = token.rsplit_once('.').unwrap();
    let other = signer.sign(&Grant::new("bob", at(2_000))).unwrap();
    let forged = format!("{text}.{}", other.rsplit_once('.').unwrap().1);
    assert_eq!(
        verifier.verify(&forged, at(1_000)),
        Err(TokenError::BadSignature)
    );
}

#[test]
fn an_audience_is_required_where_there_is_one() {
    let options = Options {
        audience: Some("tickwire".into()),
        ..Options::default()
    };
    let verifier = Verifier::new(Keys::hmac(&SECRET).unwrap(), options);
    let mut granted = grant();
    for (audience, taken) in [
        (vec![], false),
        (vec!["other"], false),
        (vec!["other", "tickwire"], true),
    ] {
        granted.aud = audience.into_iter().map(String::from).collect();
        let token = hmac().0.sign(&granted).unwrap();
        let wanted = if taken {
            Ok(())
        } else {
            Err(TokenError::WrongAudience)
        };
        assert_eq!(verifier.verify(&token, at(1_000)).map(|_| ()), wanted);
        assert!(hmac().1.verify(&token, at(1_000)).is_ok());
    }
    let one = by_hand(
        r#"{"alg":"HS256"}"#,
        r#"{"sub":"a","exp":2000,"aud":"tickwire"}"#,
        &SECRET,
    );
    assert!(verifier.verify(&one, at(1_000)).is_ok());
}

#[test]
fn what_no_verifier_takes_is_not_signed() {
    let signer = hmac().0;
    let mut granted = grant();
    granted.sub = "a~b".into();
    assert!(matches!(signer.sign(&granted), Err(SignError::Name(_))));
    granted.sub = "alice".into();
    granted.exp = at(0) - Duration::from_secs(1);
    assert_eq!(signer.sign(&granted), Err(SignError::Time));
    granted.exp = at(253_402_300_800);
    assert_eq!(signer.sign(&granted), Err(SignError::Time));
    granted.exp = at(253_402_300_799);
    assert!(
        hmac()
            .1
            .verify(&signer.sign(&granted).unwrap(), at(0))
            .is_ok()
    );
    granted.subscribe = Patterns::parse(&vec!["x".repeat(256); 32]).unwrap();
    assert_eq!(signer.sign(&granted), Err(SignError::TooLong));
}
