//! What must hold of every answer, whatever the offer.

/// The words of each m= line.
pub(super) fn media(sdp: &str) -> Vec<Vec<&str>> {
    let lines = sdp.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix("m="))
        .map(|line| line.split_ascii_whitespace().collect())
        .collect()
}

/// The first value of an attribute in the text, without spaces around.
pub(super) fn value<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    let prefix = format!("a={name}:");
    let mut lines = sdp.lines().map(str::trim);
    lines.find_map(|line| Some(line.strip_prefix(&prefix)?.trim()))
}

/// The levels of a description: the session's, and each section's.
pub(super) fn levels(sdp: &str) -> Vec<&str> {
    let mut levels = Vec::new();
    let mut rest = sdp;
    while let Some(end) = rest.find("\nm=") {
        let (level, after) = rest.split_at(end + 1);
        levels.push(level);
        rest = after;
    }
    levels.push(rest);
    levels
}

/// Checks the answer against its offer.
pub(super) fn check(offer: &str, answer: &str) {
    let trimmed: Vec<&str> = offer.split('\n').map(str::trim).collect();
    let offer = trimmed.join("\r\n");
    let offer = offer.as_str();
    let context = format!("{answer}\nto\n{offer:?}");
    // Whole lines of visible text, each ended by CRLF.
    assert!(answer.ends_with("\r\n"), "{context}");
    for line in answer.split_terminator("\r\n") {
        let printable = line
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
        assert!(
            printable && line.as_bytes().get(1) == Some(&b'='),
            "{context}"
        );
    }
    // 1: the same sections with the same proto and formats.
    let (offered, answered) = (media(offer), media(answer));
    assert_eq!(offered.len(), answered.len(), "{context}");
    for (offered, answered) in offered.iter().zip(&answered) {
        assert_eq!(offered[0], answered[0], "{context}");
        assert_eq!(offered[2..], answered[2..], "{context}");
    }
    // 2: one section is live, it is a data channel's, and it was live in the offer.
    let live: Vec<usize> = (0..answered.len())
        .filter(|index| answered[*index][1] != "0")
        .collect();
    let [live] = live[..] else {
        panic!("{context}")
    };
    assert!(
        answered[live][2]
            .to_ascii_uppercase()
            .ends_with("DTLS/SCTP")
    );
    assert_ne!(offered[live][1].split('/').next(), Some("0"), "{context}");
    let (levels, before) = (levels(answer), levels(offer));
    let section = levels[live + 1];
    let setup = value(before[live + 1], "setup").or(value(before[0], "setup"));
    check_section(setup, section, &context);
    // 4: a group only where there is one, of the live section's mid alone.
    let group = value(answer, "group");
    if let Some(group) = group {
        let mid = group.strip_prefix("BUNDLE ").expect(&context);
        assert!(offer.contains(mid), "{context}");
        assert_eq!(value(section, "mid"), Some(mid), "{context}");
    }
    assert!(answer.matches("\r\na=group").count() <= 1, "{context}");
    for never in ["bundle-only", "sctp-init", "LS", "tls-id", "dcmap", "dcsa"] {
        assert!(!answer.contains(&format!("\r\na={never}")), "{context}");
    }
    // 5: every section has its own.
    for level in &levels[1..] {
        assert!(level.contains("\r\nc=IN IP"), "{context}");
    }
}

fn check_section(offered: Option<&str>, section: &str, context: &str) {
    // 3: the other role.
    let right = match offered.map(str::to_ascii_lowercase).as_deref() {
        Some("actpass" | "active") | None => "passive",
        Some("passive") => "active",
        Some(_) => panic!("{context}"),
    };
    assert_eq!(value(section, "setup"), Some(right), "{context}");
    // 6: the port in the syntax of the offer, and the server's own size.
    let port = value(section, "sctp-port").or_else(|| value(section, "sctpmap"));
    assert!(port.is_some(), "{context}");
    assert_eq!(
        value(section, "max-message-size"),
        Some("65548"),
        "{context}"
    );
    for once in [
        "ice-ufrag",
        "ice-pwd",
        "fingerprint",
        "setup",
        "max-message-size",
    ] {
        let count = section.matches(&format!("\r\na={once}:")).count();
        assert_eq!(count, 1, "{once} in {context}");
    }
    assert!(section.contains("\r\na=end-of-candidates\r\n"), "{context}");
}
