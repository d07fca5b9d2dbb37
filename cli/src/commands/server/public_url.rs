//! URLs under which others reach a server.

use std::str::FromStr;

use reqwest::Url;

/// The URL at which clients reach the server, also through a proxy.
#[derive(Clone, Debug)]
pub struct PublicUrl(Url);

/// Begin of the paths that hookd answers itself: no WebSocket begins there.
const TAKEN: [&str; 6] = ["v1", "1", "1.1", "hookd", "__engine", "metrics"];

impl PublicUrl {
    /// The URL as clients get it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same place for HTTP requests.
    pub fn over_http(&self) -> String {
        match self.as_str().strip_prefix("ws") {
            Some(rest) => format!("http{rest}"),
            None => self.as_str().to_owned(),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = web_url(text, &["https", "wss", "http", "ws"])?;
        let first = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
        if TAKEN.contains(&first) {
            return Err(format!("clients cannot connect to `{}`: hookd answers other requests there", url.path()));
        }
        Ok(Self(url))
    }
}

/// The base of an API over HTTP.
pub fn api_url(text: &str) -> Result<String, String> {
    web_url(text, &["https", "http"]).map(|url| url.as_str().trim_end_matches('/').to_owned())
}

fn web_url(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let schemes_shown = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect::<Vec<_>>().join(", ");
    let example = "such as `https://im.example.org`";
    let url = Url::parse(text.trim())
        .map_err(|problem| format!("it is not a URL ({problem}); write all of it, {example}"))?;
    if !schemes.contains(&url.scheme()) {
        return Err(format!("it must begin with one of {schemes_shown}, {example}"));
    }
    match url.host_str() {
        Some(host) if !host.is_empty() => {}
        _ => return Err(format!("it names no host; write all of it, {example}")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must hold no user name and no password: every client sees it".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("it must end before `?` and `#`, {example}"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-40.
    #[test]
    fn clients_get_only_urls_that_they_can_connect_to() {
        for (text, url, over_http) in [
            ("https://im.example.org", "https://im.example.org/", "https://im.example.org/"),
            ("wss://im.example.org/chat", "wss://im.example.org/chat", "https://im.example.org/chat"),
            (" HTTP://IM.example.org:8080/ ", "http://im.example.org:8080/", "http://im.example.org:8080/"),
            ("ws://[2001:db8::1]:81", "ws://[2001:db8::1]:81/", "http://[2001:db8::1]:81/"),
        ] {
            let parsed: PublicUrl = text.parse().unwrap();
            assert_eq!((parsed.as_str(), parsed.over_http().as_str()), (url, over_http));
        }
        for text in [
            "",
            "im.example.org",
            "im.example.org:7410",
            "//im.example.org",
            "ftp://x",
            "file:///etc",
            "https://",
            "https://:7410",
            "https://im.example.org:99999",
            "https://user:secret@im.example.org",
            "https://im.example.org?x",
            "https://im.example.org/#x",
            "https://im.example.org/v1/route",
            "https://im.example.org/1.1",
            "https://im.example.org/hookd/v1",
            "https://im.example.org/x/../metrics",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
        assert!(api_url("wss://im.example.org").is_err());
        assert_eq!(api_url("https://api.example.org/").as_deref(), Ok("https://api.example.org"));
    }
}
