//! Markup as text, for what changes as a whole and has nothing in it to press: made of views, a
//! table takes the page four times what it takes as text.

use std::fmt::{Arguments, Write};

/// Writes at the end of a text: `add(text, format_args!("…"))`.
pub fn add(text: &mut String, words: Arguments) {
    // Writing into a string does not fail.
    let _ = text.write_fmt(words);
}

/// Text as it stands between tags, and in attributes between double quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_markup() {
        let text = r#"<b a="1">& ' é</b>"#;
        let escaped = "&lt;b a=&quot;1&quot;&gt;&amp; ' é&lt;/b&gt;";
        assert_eq!(escape(text), escaped);
    }
}
