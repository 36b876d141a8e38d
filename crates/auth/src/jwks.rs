//! Sets of keys as JSON (RFC 7517).

use crate::key::Key;
use crate::{KeyError, Keys, MAX_KEYS, PassedOver};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// The longest text of a set, in bytes.
pub const MAX_SET: usize = 256 * 1_024;
/// The longest `kid`, in bytes.
const MAX_ID: usize = 256;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// The keys of a set (RFC 7517 section 5) that can be used; [`passed_over`](Self::passed_over) tells
    /// of the others.
    ///
    /// A key can be used where its `use` and `key_ops`, if it has them, are for signatures; its `alg`, if
    /// it has one, is the one that its kind is for; and its `kid` has at most 256 bytes.
    ///
    /// # Errors
    ///
    /// Where the text is longer than [`MAX_SET`] bytes or is no set, the set has more than [`MAX_KEYS`]
    /// keys, or none of them can be used.
    pub fn jwks(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_SET {
            return Err(KeyError::NoSet);
        }
        let set: Set = serde_json::from_str(text).map_err(|_| KeyError::NoSet)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany);
        }
        let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
        for (index, value) in set.keys.iter().enumerate() {
            match key(value) {
                Ok(key) => keys.push(key),
                Err(cause) => passed_over.push(PassedOver {
                    number: index + 1,
                    id: id(value).ok().flatten(),
                    cause,
                }),
            }
        }
        if keys.is_empty() {
            return Err(KeyError::NoneUsable(passed_over));
        }
        Self::new(keys, passed_over)
    }
}

fn key(value: &Value) -> Result<Key, String> {
    let id = id(value)?;
    for_signatures(value)?;
    let text = |name| value.get(name).and_then(Value::as_str);
    let mut key = match (text("kty"), text("crv")) {
        (Some("oct"), _) => Key::hmac(&bytes(value, "k")?),
        (Some("EC"), Some("P-256")) => Key::p256(&point(value)?),
        (Some("OKP"), Some("Ed25519")) => Key::ed25519(&bytes(value, "x")?),
        (Some("RSA"), _) => Key::rsa(&bytes(value, "n")?, &bytes(value, "e")?),
        (Some("EC" | "OKP"), _) => return Err("its curve is not P-256 or Ed25519".to_owned()),
        _ => return Err("its kty is not EC, OKP, RSA or oct".to_owned()),
    }
    .map_err(|cause| cause.to_string())?;
    if let Some(algorithm) = value.get("alg")
        && algorithm.as_str() != Some(&format!("{:?}", key.algorithm))
    {
        return Err(format!("its alg is not {:?}", key.algorithm));
    }
    key.id = id;
    Ok(key)
}

fn id(value: &Value) -> Result<Option<String>, String> {
    match value.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_ID => Ok(Some(id.clone())),
        Some(_) => Err(format!("its kid is no text of at most {MAX_ID} bytes")),
    }
}

/// RFC 7517 sections 4.2 and 4.3.
fn for_signatures(value: &Value) -> Result<(), String> {
    let sig = value.get("use").is_none_or(|it| it == "sig");
    let verify = value.get("key_ops").is_none_or(|it| {
        let mut operations = it.as_array().into_iter().flatten();
        operations.any(|it| it == "verify")
    });
    if sig && verify {
        Ok(())
    } else {
        Err("it is not for checking signatures".to_owned())
    }
}

/// RFC 7518 section 6.2.1: each coordinate has all its bytes.
fn point(value: &Value) -> Result<Vec<u8>, String> {
    let (x, y) = (bytes(value, "x")?, bytes(value, "y")?);
    if x.len() != 32 || y.len() != 32 {
        return Err("its x and y have not 32 bytes each".to_owned());
    }
    Ok([&[4], &x[..], &y[..]].concat())
}

fn bytes(value: &Value, name: &str) -> Result<Vec<u8>, String> {
    let text = value.get(name).and_then(Value::as_str);
    let decoded = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    decoded.ok_or_else(|| format!("its {name} is no base64url"))
}
