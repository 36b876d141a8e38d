//! NATS that is reached by TLS, and lets in who has credentials.

mod support;

use nkeys::KeyPair;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use support::{NatsServer, until, within};
use tickwire_nats::{ConnectError, Nats};
use tickwire_server::{Policy, Topics};

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_goes_to_nats_is_encrypted_where_its_address_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = write(folder.path(), "certificate.pem", cert.pem());
    let key = write(folder.path(), "key.pem", signing_key.serialize_pem());
    let server =
        NatsServer::start_with(&["--tls", "--tlscert", &certificate, "--tlskey", &key]).await;
    let mut options = server.options();
    options.servers = vec![options.servers[0].replace("nats://", "tls://")];
    // Nobody knows who has signed it.
    let unknown = Nats::connect(options.clone()).await.map(drop).unwrap_err();
    assert!(matches!(unknown, ConnectError::Denied(_)), "{unknown}");
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        options.ca = Some(write(folder.path(), "broken.pem", text).into());
        let broken = Nats::connect(options.clone()).await.map(drop).unwrap_err();
        assert!(matches!(broken, ConnectError::Certificates(..)), "{broken}");
    }
    options.ca = Some(certificate.into());
    let topics = Topics::kept_by(Nats::connect(options).await.unwrap());
    let topic = topics.topic("prices", Policy::latest());
    let _followed = within("the prices", topic.followed()).await.unwrap();
    topic.put("a", "1").unwrap();
    until("the value", || topic.get("a").is_some()).await;
}

/// A token as NATS has them: JSON, signed by one of its keys.
fn token(by: &KeyPair, of: &KeyPair, nats: Value) -> String {
    let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let claims = json!({
        "jti": "test", "iat": 1_764_000_000, "name": "test",
        "iss": by.public_key(), "sub": of.public_key(), "nats": nats,
    });
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    format!("{signed}.{}", encode(&by.sign(signed.as_bytes()).unwrap()))
}

#[tokio::test]
async fn a_file_of_credentials_says_who_a_server_is() {
    let folder = tempfile::tempdir().unwrap();
    let operator = KeyPair::new_operator();
    let (account, system) = (KeyPair::new_account(), KeyPair::new_account());
    let user = KeyPair::new_user();
    let operators = token(
        &operator,
        &operator,
        json!({"type": "operator", "version": 2}),
    );
    // That of the system may not have what JetStream takes.
    let accounts = [(&account, -1), (&system, 0)].map(|(account, most)| {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
            "conn": -1, "leaf": -1, "mem_storage": most, "disk_storage": most, "streams": most,
            "consumer": most,
        });
        let permissions = json!({"pub": {}, "sub": {}});
        let claims = json!({
            "limits": limits, "default_permissions": permissions, "type": "account", "version": 2,
        });
        let token = token(&operator, account, claims);
        format!("{}: {token}", account.public_key())
    });
    let of_user = json!({
        "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2,
    });
    let users = token(&account, &user, of_user);
    let config = format!(
        "operator: {operators}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}\n}}\n",
        system.public_key(),
        accounts.join("\n")
    );
    let config = write(folder.path(), "nats.conf", config);
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{users}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    );
    let credentials = write(folder.path(), "user.creds", credentials);
    let server = NatsServer::start_with(&["--config", &config]).await;
    let denied = Nats::connect(server.options()).await.map(drop).unwrap_err();
    assert!(matches!(denied, ConnectError::Denied(_)), "{denied}");
    let mut options = server.options();
    options.credentials = Some(credentials.into());
    let topics = Topics::kept_by(Nats::connect(options).await.unwrap());
    let topic = topics.topic("prices", Policy::latest());
    let _followed = within("the prices", topic.followed()).await.unwrap();
    topic.put("a", "1").unwrap();
    until("the value", || topic.get("a").is_some()).await;
}
