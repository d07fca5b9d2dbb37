//! The parts of a URL that a request needs.

use fluent_uri::{Uri, UriRef};

use super::Error;

/// A URL of HTTP, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) is_https: bool,
    /// Host, and port where there is one.
    pub(super) authority: String,
    /// Begins with a slash.
    pub(super) path_and_query: String,
}

impl Url {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::InvalidUrl { url: url.to_owned(), reason: reason.to_owned() };
        let uri = Uri::parse(url).map_err(|error| invalid(&error.to_string()))?;
        let is_https = match uri.scheme().as_str().to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(invalid("it begins neither with `https://` nor with `http://`")),
        };
        let authority = uri.authority().map(|authority| authority.as_str()).filter(|authority| !authority.is_empty());
        let authority = authority.ok_or_else(|| invalid("it names no host"))?;
        if authority.contains('@') {
            return Err(invalid("it contains a user name; send credentials in a header"));
        }
        let path = match uri.path().as_str() {
            "" => "/",
            path => path,
        };
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Self { is_https, authority: authority.to_owned(), path_and_query: format!("{path}{query}") })
    }

    /// For errors, and the form in which hosts are allowed.
    pub(super) fn host(&self) -> &str {
        let usual_port = if self.is_https { ":443" } else { ":80" };
        self.authority.strip_suffix(usual_port).unwrap_or(&self.authority)
    }

    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        self.is_https == other.is_https && self.host().eq_ignore_ascii_case(other.host())
    }
}

/// Where a reference found at `base` leads.
pub(super) fn resolve(base: &str, reference: &str) -> Result<String, Error> {
    let invalid = |reason: String| Error::InvalidUrl { url: reference.to_owned(), reason };
    let base = Uri::parse(base).map_err(|error| invalid(error.to_string()))?;
    let parsed = UriRef::parse(reference).map_err(|error| invalid(error.to_string()))?;
    let base = base.strip_fragment();
    Ok(parsed.resolve_against(&base).map_err(|error| invalid(error.to_string()))?.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_url() {
        let url = Url::parse("HTTPS://api.example.com:8443/check?q=1#top").unwrap();
        assert!(url.is_https);
        assert_eq!((url.authority.as_str(), url.path_and_query.as_str()), ("api.example.com:8443", "/check?q=1"));
        assert_eq!(Url::parse("http://[::1]").unwrap().path_and_query, "/");
        assert_eq!(Url::parse("http://a.org:80/").unwrap().host(), "a.org");
    }

    #[test]
    fn urls_that_cannot_be_requested() {
        for url in [
            "",
            "api.example.com",
            "ftp://a.org",
            "https://",
            "https://user@a.org",
            "https://a.org/ b",
            "file:///etc/passwd",
        ] {
            assert!(matches!(Url::parse(url), Err(Error::InvalidUrl { .. })), "{url}");
        }
    }

    #[test]
    fn references_are_resolved_against_their_base() {
        for (reference, expected) in [
            ("/b", "https://a.org/b"),
            ("b?c", "https://a.org/x/b?c"),
            ("//b.org/c", "https://b.org/c"),
            ("http://c.org/", "http://c.org/"),
        ] {
            assert_eq!(resolve("https://a.org/x/y?z#f", reference).unwrap(), expected);
        }
    }
}
