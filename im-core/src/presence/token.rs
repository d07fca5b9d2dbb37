//! Session tokens: opaque to clients, signed with the app's master key, valid on every node (S-31).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Session;
use crate::app::App;
use crate::ids::{ClientId, DeviceId};
use crate::timestamp::Timestamp;

/// Keeps these signatures apart from others made with the master key.
const PURPOSE: &[u8] = b"hookd session token 1\0";

/// The content of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionToken {
    /// Whose it is.
    #[serde(rename = "c")]
    pub client: ClientId,
    /// On which device.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Restored by a reconnect (P-52).
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// One login and its reconnects.
    #[serde(rename = "f")]
    pub family: String,
    /// When it was issued; in tokens of older programs 0.
    #[serde(rename = "i", default = "before_all")]
    pub issued_at: Timestamp,
    /// The end of its life.
    #[serde(rename = "e")]
    pub expires_at: Timestamp,
}

fn before_all() -> Timestamp {
    Timestamp(0)
}

/// A token as clients get it.
#[derive(Debug)]
pub struct IssuedToken {
    /// `st`.
    pub text: String,
    /// `stTtl`.
    pub life_seconds: i32,
}

impl SessionToken {
    /// Signs a token for a session.
    pub fn issue(app: &App, session: &Session, life: Duration) -> IssuedToken {
        let life_seconds = i32::try_from(life.as_secs()).unwrap_or(i32::MAX);
        let token = Self {
            client: session.client.clone(),
            device: session.device.clone(),
            tag: session.tag.clone(),
            family: session.token_family.clone(),
            issued_at: Timestamp::now(),
            expires_at: Timestamp(Timestamp::now().0.saturating_add(i64::from(life_seconds).saturating_mul(1000))),
        };
        let payload = URL_SAFE_NO_PAD.encode(serde_json::json!(token).to_string());
        let signature = URL_SAFE_NO_PAD.encode(mac(app, &payload).finalize().into_bytes());
        IssuedToken { text: format!("{payload}.{signature}"), life_seconds }
    }

    /// Reads a token that this app signed, expired or not. The signature is compared in constant time.
    pub fn verify(text: &str, app: &App) -> Option<Self> {
        let (payload, signature) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        mac(app, payload).verify_slice(&signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// True once its life is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}

fn mac(app: &App, payload: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(app.master_key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(PURPOSE);
    mac.update(app.id.as_str().as_bytes());
    mac.update(b"\0");
    mac.update(payload.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Session, SessionToken};
    use crate::app::App;
    use crate::ids::{AppId, ClientId, ConnectionId, SessionId};
    use crate::timestamp::Timestamp;

    fn app(master_key: &str) -> App {
        App { id: AppId::new("app1"), app_key: "k".into(), master_key: master_key.into(), hook_key: "h".into() }
    }

    fn session() -> Session {
        let mut session = Session::new(SessionId(1), AppId::new("app1"), ClientId::new("alice"), ConnectionId(1));
        session.tag = Some("phone".into());
        session.token_family = "f".into();
        session
    }

    #[test]
    fn a_token_gives_back_what_it_was_made_of() {
        let issued = SessionToken::issue(&app("m"), &session(), Duration::from_secs(60));
        let token = SessionToken::verify(&issued.text, &app("m")).unwrap();
        assert_eq!(token.client, ClientId::new("alice"));
        assert_eq!(token.tag.as_deref(), Some("phone"));
        assert!(!token.has_expired(Timestamp::now()));
        assert!(token.has_expired(Timestamp(Timestamp::now().0 + 61_000)));
    }

    #[test]
    fn tokens_of_other_keys_and_altered_tokens_are_refused() {
        let issued = SessionToken::issue(&app("m"), &session(), Duration::from_secs(60)).text;
        assert_eq!(SessionToken::verify(&issued, &app("other")), None);
        let (payload, signature) = issued.split_once('.').unwrap();
        assert_eq!(SessionToken::verify(&format!("{payload}A.{signature}"), &app("m")), None);
        assert_eq!(SessionToken::verify(payload, &app("m")), None);
        assert_eq!(SessionToken::verify("", &app("m")), None);
    }
}
