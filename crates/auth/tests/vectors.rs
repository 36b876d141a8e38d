//! Tokens that others made: the examples of the RFCs. None of them has a `sub`, so that a good signature
//! shows by what is then said of the claims.

use std::time::{Duration, UNIX_EPOCH};
use tickwire_auth::{Keys, Options, TokenError, Verifier};

/// The claims of RFC 7515 appendix A: those of "joe", until 1300819380.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn check(key: &str, header: &str, payload: &str, signature: &str, wanted: fn(&TokenError) -> bool) {
    let keys = Keys::jwks(&format!(r#"{{"keys":[{key}]}}"#)).unwrap();
    let verifier = Verifier::new(keys, Options::default());
    let now = UNIX_EPOCH + Duration::from_secs(1_300_819_000);
    let verify = |signature: &str| verifier.verify(&format!("{header}.{payload}.{signature}"), now);
    let error = verify(signature).unwrap_err();
    assert!(wanted(&error), "{error}");
    let altered = signature.replacen(&signature[9..12], "AAA", 1);
    assert_eq!(verify(&altered), Err(TokenError::BadSignature));
}

fn without_sub(error: &TokenError) -> bool {
    matches!(error, TokenError::Claim { claim: "sub", .. })
}

#[test]
fn hs256_of_rfc_7515_appendix_a_1() {
    check(
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        CLAIMS,
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        without_sub,
    );
}

#[test]
fn rs256_of_rfc_7515_appendix_a_2() {
    check(
        r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
        "eyJhbGciOiJSUzI1NiJ9",
        CLAIMS,
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        without_sub,
    );
}

#[test]
fn es256_of_rfc_7515_appendix_a_3() {
    check(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        "eyJhbGciOiJFUzI1NiJ9",
        CLAIMS,
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        without_sub,
    );
}

/// Its payload is no JSON: "Example of Ed25519 signing".
#[test]
fn eddsa_of_rfc_8037_appendix_a_4() {
    check(
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "eyJhbGciOiJFZERTQSJ9",
        "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        |error| matches!(error, TokenError::Malformed(_)),
    );
}
