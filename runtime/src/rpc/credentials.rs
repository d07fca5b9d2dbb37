//! Who calls (§1.3, §1.4).

use std::borrow::Cow;

use md5::{Digest as _, Md5};

use super::body::BodyCredentials;
use crate::apps::{App, keys_equal};
use crate::environment::Environment;

/// What a request shows of itself; empty values count as absent.
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

/// What the credentials are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Functions that are open to clients.
    App,
    /// Everything but hooks.
    Master,
}

/// The headers of one credential. Among their names one goes before another; of a name, the first line
/// that is not empty counts.
#[derive(Clone, Copy, Debug, Default)]
struct Header<'a> {
    value: Option<&'a str>,
    /// Place of its name among those of the credential.
    rank: usize,
}

impl<'a> Header<'a> {
    fn offer(&mut self, rank: usize, value: &'a str) {
        if !value.is_empty() && self.value.is_none_or(|_| rank < self.rank) {
            *self = Self { value: Some(value), rank };
        }
    }

    fn text(self) -> Option<Cow<'a, str>> {
        self.value.map(Cow::Borrowed)
    }
}

/// The headers of all credentials.
#[derive(Debug, Default)]
pub(super) struct CredentialHeaders<'a> {
    id: Header<'a>,
    key: Header<'a>,
    master_key: Header<'a>,
    signature: Header<'a>,
    session_token: Header<'a>,
    hook_key: Header<'a>,
    production: Header<'a>,
}

impl<'a> CredentialHeaders<'a> {
    /// A line whose name begins with `x-`, in lower case.
    pub(super) fn note(&mut self, name: &[u8], value: &'a str) {
        let (credential, rank) = match name {
            b"x-lc-id" => (&mut self.id, 0),
            b"x-avoscloud-application-id" => (&mut self.id, 1),
            b"x-uluru-application-id" => (&mut self.id, 2),
            b"x-lc-key" => (&mut self.key, 0),
            b"x-avoscloud-application-key" => (&mut self.key, 1),
            b"x-uluru-application-key" => (&mut self.key, 2),
            b"x-avoscloud-master-key" => (&mut self.master_key, 0),
            b"x-uluru-master-key" => (&mut self.master_key, 1),
            b"x-lc-sign" => (&mut self.signature, 0),
            b"x-avoscloud-request-sign" => (&mut self.signature, 1),
            b"x-lc-prod" => (&mut self.production, 0),
            b"x-avoscloud-application-production" => (&mut self.production, 1),
            b"x-uluru-application-production" => (&mut self.production, 2),
            b"x-lc-session" => (&mut self.session_token, 0),
            b"x-uluru-session-token" => (&mut self.session_token, 1),
            b"x-avoscloud-session-token" => (&mut self.session_token, 2),
            b"x-lc-hook-key" => (&mut self.hook_key, 0),
            _ => return,
        };
        credential.offer(rank, value);
    }
}

impl<'a> Credentials<'a> {
    /// Credentials in the body replace those in headers; the hook key is only ever a header.
    pub(super) fn of(headers: &CredentialHeaders<'a>, body: Option<BodyCredentials>) -> Self {
        let Some(body) = body else {
            return Self {
                id: headers.id.text(),
                key: headers.key.text(),
                master_key: headers.master_key.text(),
                signature: headers.signature.text(),
                session_token: headers.session_token.text(),
                hook_key: headers.hook_key.text(),
                production: headers.production.text(),
            };
        };
        let given = |value: Option<String>| value.filter(|text| !text.is_empty()).map(Cow::Owned);
        Self {
            id: given(body.id),
            key: given(body.key),
            master_key: given(body.master_key),
            signature: None,
            session_token: given(body.session_token),
            hook_key: headers.hook_key.text(),
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
            // The bare master key is accepted, and counts for no more than the app key.
            None => (app.is_app_key(key) | app.is_master_key(key)).then_some(Access::App),
        });
        by_key.or_else(|| signed(self.signature.as_deref()?, app))
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
fn signed(signature: &str, app: &App) -> Option<Access> {
    let (digest, rest) = signature.split_once(',')?;
    let (timestamp, key, access) = match rest.split_once(',') {
        None => (rest, &app.app_key, Access::App),
        Some((timestamp, "master")) => (timestamp, &app.master_key, Access::Master),
        Some(_) => return None,
    };
    let expected = hex::encode(Md5::new().chain_update(timestamp).chain_update(key).finalize());
    keys_equal(&expected, &digest.to_ascii_lowercase()).then_some(access)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::{Bounds, Keys};

    fn app() -> App {
        let keys = Keys {
            app_key: "demo-app-key".to_owned(),
            master_key: "demo-master-key".to_owned(),
            hook_key: "demo-hook-key".to_owned(),
        };
        App::new("demo".to_owned(), keys, Bounds::default())
    }

    fn id(lines: &[(&'static str, &'static str)]) -> Option<String> {
        let mut headers = CredentialHeaders::default();
        lines.iter().for_each(|(name, value)| headers.note(name.as_bytes(), value));
        Credentials::of(&headers, None).id.map(Cow::into_owned)
    }

    #[test]
    fn the_names_of_a_credential_have_an_order_whatever_that_of_the_lines() {
        let [short, middle, long] = ["x-lc-id", "x-avoscloud-application-id", "x-uluru-application-id"];
        assert_eq!(id(&[(long, "c"), (short, "a"), (middle, "b")]).as_deref(), Some("a"));
        assert_eq!(id(&[(long, "c"), (middle, "b")]).as_deref(), Some("b"));
        assert_eq!(id(&[(long, "c"), (short, "")]).as_deref(), Some("c"));
        assert_eq!(id(&[("x-lc-key", "a"), ("id", "b")]), None);
    }

    #[test]
    fn signatures_match_the_published_vectors() {
        assert_eq!(signed("a615addbec0246c0be3695851f384aff,1700000000000", &app()), Some(Access::App));
        assert_eq!(signed("88500459f205e3c67ee68684f71a48a4,1700000000000,master", &app()), Some(Access::Master));
    }

    #[test]
    fn signature_digests_are_compared_without_case() {
        assert_eq!(signed("A615ADDBEC0246C0BE3695851F384AFF,1700000000000", &app()), Some(Access::App));
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
            assert_eq!(signed(signature, &app()), None, "{signature}");
        }
    }
}
