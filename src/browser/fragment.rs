//! What is in the fragment of the page's address.

/// The token in a fragment, which may begin with `#`, as it is written there; and the fragment
/// without it. `None` where there is none.
pub fn split_token(fragment: &str) -> Option<(&str, String)> {
    let fields = || fragment.trim_start_matches('#').split('&');
    let token = fields().find_map(|field| field.strip_prefix("token="))?;
    let others = fields().filter(|field| !field.starts_with("token="));
    Some((token, others.collect::<Vec<_>>().join("&")))
}

#[cfg(test)]
mod tests {
    use super::split_token;

    #[test]
    fn a_token_is_taken_out_and_what_else_there_is_stays() {
        for (fragment, token, rest) in [
            ("#token=e30.e30.x", "e30.e30.x", ""),
            ("#token=a=b", "a=b", ""),
            ("#log&token=e30&x=1", "e30", "log&x=1"),
            ("#token=one&token=two", "one", ""),
            ("#token=", "", ""),
        ] {
            assert_eq!(split_token(fragment), Some((token, rest.to_owned())));
        }
        for fragment in ["", "#", "#log", "#tokens=1", "#my-token=1"] {
            assert_eq!(split_token(fragment), None, "{fragment}");
        }
    }
}
