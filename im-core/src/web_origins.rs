//! The pages of browsers that may connect (S-154, item 18).

use thiserror::Error;

/// Origins of an app.
const MOST: usize = 100;

/// Bytes of one.
const MOST_BYTES: usize = 256;

/// Why origins are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OriginError {
    /// Too many.
    #[error("`allowed_origins` has {0} origins; at most {MOST} are allowed")]
    TooMany(usize),
    /// One is none.
    #[error(
        "`allowed_origins`: `{0}` is not an origin; write it as browsers send it, e.g. `https://chat.example.org` or \
         `http://localhost:8080`"
    )]
    NoOrigin(String),
}

/// Says whether all of these are origins.
///
/// # Errors
/// The first that is none, or there are too many.
pub fn check(origins: &[String]) -> Result<(), OriginError> {
    if origins.len() > MOST {
        return Err(OriginError::TooMany(origins.len()));
    }
    match origins.iter().find(|origin| !is_origin(origin)) {
        Some(wrong) => Err(OriginError::NoOrigin(wrong.chars().take(MOST_BYTES).collect())),
        None => Ok(()),
    }
}

/// True where a client may connect. Only browsers send an origin; programs of other kinds could send any.
pub fn allows(origins: &[String], of_client: Option<&str>) -> bool {
    let Some(of_client) = of_client.filter(|_| !origins.is_empty()) else { return true };
    origins.iter().any(|origin| origin.eq_ignore_ascii_case(of_client))
}

/// `scheme://host` or `scheme://host:port`, as a browser writes it; it says `null` for a page from a file.
fn is_origin(text: &str) -> bool {
    if text == "null" {
        return true;
    }
    let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let is_of_host = |c: char| c.is_ascii_graphic() && !"/?#@\\,*".contains(c);
    match text.split_once("://") {
        Some((scheme, host)) => {
            text.len() <= MOST_BYTES
                && !scheme.is_empty()
                && scheme.chars().all(is_of_scheme)
                && !host.is_empty()
                && host.chars().all(is_of_host)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, allows, check};

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let check = |origin: &str| check(&[origin.to_owned()]);
        for good in ["https://chat.example.org", "http://localhost:8080", "http://[::1]:1", "app://x", "null"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let long = format!("https://{}", "x".repeat(256));
        for bad in
            ["", "chat.example.org", "https://", "https://a/", "https://a/b", "https://*.a", "https://u@a", &long]
        {
            assert!(check(bad).unwrap_err().to_string().contains("is not an origin"), "{bad}");
        }
        let many = vec!["https://a".to_owned(); MOST + 1];
        assert!(super::check(&many).unwrap_err().to_string().contains("101 origins"));
    }

    #[test]
    fn a_list_keeps_other_pages_out_and_no_other_programs() {
        let list = ["https://chat.example.org".to_owned()];
        assert!(allows(&list, Some("https://CHAT.example.org")) && allows(&list, None));
        for other in ["https://evil.example.org", "http://chat.example.org", "https://chat.example.org:444", "null", ""]
        {
            assert!(!allows(&list, Some(other)), "{other}");
        }
        assert!(allows(&[], Some("https://evil.example.org")));
    }
}
