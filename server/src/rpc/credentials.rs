//! The credentials of a caller (§1.3, §1.4).

use std::borrow::Cow;

use api_types::Environment;
use hookd_runtime::{App, keys_equal};
use http::HeaderMap;
use md5::{Digest as _, Md5};

use super::body::BodyCredentials;

/// The credentials in a request; empty values count as absent.
#[derive(Debug, Default)]
pub(super) struct Credentials<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    key: Option<Cow<'a, str>>,
    master_key: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    pub(super) session_token: Option<Cow<'a, str>>,
    hook_key: Option<Cow<'a, str>>,
    production: Option<Cow<'a, str>>,
}

/// The rights of the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Functions that are open to clients.
    App,
    /// Everything but hooks.
    Master,
}

/// The headers with the id of an app; an earlier one goes before a later one. Those of the other credentials likewise.
pub const ID: [&str; 3] = ["x-lc-id", "x-avoscloud-application-id", "x-uluru-application-id"];
const KEY: [&str; 3] = ["x-lc-key", "x-avoscloud-application-key", "x-uluru-application-key"];
const MASTER_KEY: [&str; 2] = ["x-avoscloud-master-key", "x-uluru-master-key"];
const SIGNATURE: [&str; 2] = ["x-lc-sign", "x-avoscloud-request-sign"];
const SESSION_TOKEN: [&str; 3] = ["x-lc-session", "x-uluru-session-token", "x-avoscloud-session-token"];
const HOOK_KEY: [&str; 1] = ["x-lc-hook-key"];
const PRODUCTION: [&str; 3] = ["x-lc-prod", "x-avoscloud-application-production", "x-uluru-application-production"];

/// The first value that is not empty, by the order of the names.
fn header<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<Cow<'a, str>> {
    let mut values = names.iter().flat_map(|name| headers.get_all(*name)).filter_map(|value| value.to_str().ok());
    values.find(|value| !value.is_empty()).map(Cow::Borrowed)
}

impl<'a> Credentials<'a> {
    /// Credentials in the body replace those in headers; the hook key is only ever a header.
    pub(super) fn of(headers: &'a HeaderMap, body: Option<BodyCredentials>) -> Self {
        let Some(body) = body else {
            return Self {
                id: header(headers, &ID),
                key: header(headers, &KEY),
                master_key: header(headers, &MASTER_KEY),
                signature: header(headers, &SIGNATURE),
                session_token: header(headers, &SESSION_TOKEN),
                hook_key: header(headers, &HOOK_KEY),
                production: header(headers, &PRODUCTION),
            };
        };
        let given = |value: Option<String>| value.filter(|text| !text.is_empty()).map(Cow::Owned);
        Self {
            id: given(body.id),
            key: given(body.key),
            master_key: given(body.master_key),
            signature: None,
            session_token: given(body.session_token),
            hook_key: header(headers, &HOOK_KEY),
            production: given(body.production),
        }
    }

    /// The access that the keys or the signature give to `app`; `None` is a 401 that does not say what was wrong (EC-8).
    pub(super) fn access(&self, app: &App) -> Option<Access> {
        // EC-7: the right id is needed with a signature as well. The caller looked the app up by it.
        if self.id.as_deref() != Some(&app.id) {
            return None;
        }
        if self.master_key.as_deref().is_some_and(|key| app.is_master_key(key)) {
            return Some(Access::Master);
        }
        let by_key = self.key.as_deref().and_then(|key| match key.strip_suffix(",master") {
            Some(key) => app.is_master_key(key).then_some(Access::Master),
            // The bare master key is accepted, and counts only as the app key.
            None => (app.is_app_key(key) | app.is_master_key(key)).then_some(Access::App),
        });
        by_key.or_else(|| signed(self.signature.as_deref()?, &app.app_key, &app.master_key))
    }

    /// True when the request carries the app's hook key.
    pub(super) fn are_of_the_platform(&self, app: &App) -> bool {
        self.hook_key.as_deref().is_some_and(|key| app.is_hook_key(key))
    }

    pub(super) fn environment(&self) -> Environment {
        match self.production.as_deref() {
            Some("0" | "false") => Environment::Staging,
            _ => Environment::Production,
        }
    }
}

/// `<md5 hex>,<milliseconds>` over milliseconds and app key, or with a third part `master` over the master key. Valid for
/// ever (EC-6). `ax-sig-1`, over the key of LeanCloud's Android SDK, is not accepted: apps here have no such key.
fn signed(signature: &str, app_key: &str, master_key: &str) -> Option<Access> {
    let (digest, rest) = signature.split_once(',')?;
    let (timestamp, key, access) = match rest.split_once(',') {
        None => (rest, app_key, Access::App),
        Some((timestamp, "master")) => (timestamp, master_key, Access::Master),
        Some(_) => return None,
    };
    let expected = hex::encode(Md5::new().chain_update(timestamp).chain_update(key).finalize());
    keys_equal(&expected, &digest.to_ascii_lowercase()).then_some(access)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn access(signature: &str) -> Option<Access> {
        signed(signature, "demo-app-key", "demo-master-key")
    }

    fn id(lines: &[(&'static str, &'static str)]) -> Option<String> {
        let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Credentials::of(&lines.collect(), None).id.map(Cow::into_owned)
    }

    #[test]
    fn the_names_of_a_credential_have_an_order_independent_of_the_lines() {
        let [short, middle, long] = ["x-lc-id", "x-avoscloud-application-id", "x-uluru-application-id"];
        assert_eq!(id(&[(long, "c"), (short, "a"), (middle, "b")]).as_deref(), Some("a"));
        assert_eq!(id(&[(long, "c"), (middle, "b")]).as_deref(), Some("b"));
        assert_eq!(id(&[(long, "c"), (short, "")]).as_deref(), Some("c"));
        assert_eq!(id(&[("x-lc-key", "a"), ("id", "b")]), None);
    }

    #[test]
    fn signatures_match_the_published_vectors() {
        assert_eq!(access("a615addbec0246c0be3695851f384aff,1700000000000"), Some(Access::App));
        assert_eq!(access("88500459f205e3c67ee68684f71a48a4,1700000000000,master"), Some(Access::Master));
    }

    #[test]
    fn signature_digests_are_compared_without_case() {
        assert_eq!(access("A615ADDBEC0246C0BE3695851F384AFF,1700000000000"), Some(Access::App));
    }

    #[test]
    fn a_signature_is_refused_when_any_part_is_wrong() {
        for signature in [
            "a615addbec0246c0be3695851f384aff",
            "a615addbec0246c0be3695851f384aff,1700000000001",
            "a615addbec0246c0be3695851f384aff,1700000000000,master",
            "a615addbec0246c0be3695851f384aff,1700000000000,ax-sig-1",
            ",",
        ] {
            assert_eq!(access(signature), None, "{signature}");
        }
    }
}
