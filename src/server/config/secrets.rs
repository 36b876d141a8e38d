//! Errors about tables that have secrets in them: without what stands there.

use super::ConfigError;
use super::show::HIDDEN;

/// The tables, as they are headed.
const TABLES: [&str; 5] = ["[admin]", "[api]", "[auth]", "[engine]", "[turn]"];

/// What is told of an error in this text: with the line itself, unless a secret may stand there.
pub fn told(text: &str, cause: &toml::de::Error) -> String {
    let before = cause.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else {
        // Of a whole file nothing is shown.
        return message(cause.message());
    };
    let mut headings = before.lines().rev().map(str::trim);
    let table = headings.find(|line| line.starts_with('[') && line.ends_with(']'));
    // Before the first table none is.
    if table.is_none_or(|table| !TABLES.contains(&table)) {
        return cause.to_string();
    }
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", message(cause.message()))
}

/// What is told of an error in a variable, of which `path` is the name without its prefix.
pub fn of_variable(path: &str, name: String, value: String, cause: String) -> ConfigError {
    let table = path.split_once('_').map_or(path, |(table, _)| table);
    let heading = format!("[{}]", table.to_ascii_lowercase());
    if !TABLES.contains(&&*heading) {
        return ConfigError::Variable { name, value, cause };
    }
    ConfigError::Variable {
        name,
        value: HIDDEN.into(),
        cause: message(&cause),
    }
}

/// A message without the value that serde shows where its type is wrong.
fn message(message: &str) -> String {
    match message.split_once("invalid type: ") {
        Some((_, rest)) => {
            let expected = rest
                .rsplit_once(", expected ")
                .map_or("another type", |it| it.1);
            format!("expected {expected}")
        }
        None => message.to_owned(),
    }
}
