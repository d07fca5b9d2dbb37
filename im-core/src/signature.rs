//! Signatures: how the server of an app allows what a client asks for (S-131 … S-135, P-114).

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::app::App;
use crate::ids::{ClientId, ConversationId};
use crate::timestamp::Timestamp;

/// How old a signature may be (S-133).
pub(crate) const LIFE: Duration = Duration::from_hours(6);

/// How far the signer's clock may be ahead (S-133).
const SKEW: Duration = Duration::from_mins(5);

/// Times below are of a signer that counts seconds (S-133).
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// A signature as a client shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `s`: HMAC-SHA1 with the master key, in hex.
    pub hex: String,
    /// `t`, as received: milliseconds or seconds.
    pub timestamp: i64,
    /// `n`.
    pub nonce: String,
}

/// A request that can be signed.
#[derive(Clone, Copy, Debug)]
pub enum SignedRequest<'a> {
    /// A log-in.
    LogIn,
    /// A new conversation with these members, as the client sent them.
    Create(&'a [ClientId]),
    /// Joining, or adding others.
    Add(&'a ConversationId, &'a [ClientId]),
    /// Leaving, or removing others.
    Remove(&'a ConversationId, &'a [ClientId]),
    /// Putting clients on the blacklist of a conversation.
    Block(&'a ConversationId, &'a [ClientId]),
    /// Taking them off it.
    Unblock(&'a ConversationId, &'a [ClientId]),
    /// Putting conversations on the client's own blacklist.
    Refuse(&'a [ConversationId]),
    /// Taking them off it.
    Accept(&'a [ConversationId]),
}

impl SignedRequest<'_> {
    /// What may stand between the client and the time, with what may stand after the nonce. Signers differ.
    fn forms(self, client: &ClientId) -> Vec<(String, &'static str)> {
        match self {
            Self::LogIn => vec![(String::new(), "")],
            Self::Create(members) => {
                let without_creator: Vec<_> = members.iter().filter(|member| *member != client).cloned().collect();
                let with_creator = [without_creator.as_slice(), std::slice::from_ref(client)].concat();
                [members, &without_creator, &with_creator].map(|members| (sorted(members), "")).into()
            }
            Self::Add(conversation, members) => of_members(conversation, members, [":invite", ":add"]),
            Self::Remove(conversation, members) => of_members(conversation, members, [":kick", ":remove"]),
            Self::Block(conversation, members) => of_members(conversation, members, [":conversation-block-clients"]),
            Self::Unblock(conversation, members) => {
                of_members(conversation, members, [":conversation-unblock-clients"])
            }
            Self::Refuse(conversations) => of_conversations(conversations, ":client-block-conversations"),
            Self::Accept(conversations) => of_conversations(conversations, ":client-unblock-conversations"),
        }
    }
}

fn of_members<const FORMS: usize>(
    conversation: &ConversationId,
    members: &[ClientId],
    actions: [&'static str; FORMS],
) -> Vec<(String, &'static str)> {
    let signed = format!("{conversation}:{}", sorted(members));
    actions.map(|action| (signed.clone(), action)).into()
}

/// The list of members is empty.
fn of_conversations(conversations: &[ConversationId], action: &'static str) -> Vec<(String, &'static str)> {
    let mut ids: Vec<&str> = conversations.iter().map(ConversationId::as_str).collect();
    ids.sort_unstable();
    vec![(format!("{}:", ids.join(":")), action)]
}

/// Checks a signature of the app's server for a request of `client`. The comparison takes constant time.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn check(
    (app, client): (&App, &ClientId),
    request: SignedRequest<'_>,
    signature: Option<&Signature>,
    now: Timestamp,
) -> Result<(), &'static str> {
    let Some(Signature { hex, timestamp, nonce }) = signature else {
        return Err("this app wants a signature of its server, and the request has none");
    };
    let made_at = made_at(*timestamp);
    if now.since(made_at) > LIFE {
        return Err("the signature is older than 6 hours");
    }
    if made_at.since(now) > SKEW {
        return Err("the time of the signature is more than 5 minutes ahead");
    }
    let shown = hex::decode(hex).map_err(|_| "the signature is not hexadecimal")?;
    let is_right = request.forms(client).iter().any(|(signed, action)| {
        let mac = mac(app, &format!("{}:{client}:{signed}:{timestamp}:{nonce}{action}", app.id));
        mac.verify_slice(&shown).is_ok()
    });
    if is_right { Ok(()) } else { Err("the signature is not that of this request, made with the app's master key") }
}

impl Signature {
    /// When it was made, by the clock of its signer.
    pub fn made_at(&self) -> Timestamp {
        made_at(self.timestamp)
    }
}

fn made_at(shown: i64) -> Timestamp {
    Timestamp(if shown < FIRST_MILLISECONDS { shown.saturating_mul(1000) } else { shown })
}

/// Signs a log-in as the app's own server does.
pub(crate) fn sign_login((app, client): (&App, &ClientId), now: Timestamp, nonce: &str) -> Signature {
    let mac = mac(app, &format!("{}:{client}::{}:{nonce}", app.id, now.0));
    let hex = hex::encode(mac.finalize().into_bytes());
    Signature { hex, timestamp: now.0, nonce: nonce.to_owned() }
}

fn mac(app: &App, text: &str) -> Hmac<Sha1> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha1>::new_from_slice(app.master_key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}

/// In the order of JavaScript's `sort`.
fn sorted(members: &[ClientId]) -> String {
    let mut ids: Vec<&str> = members.iter().map(ClientId::as_str).collect();
    ids.sort_by(|left, right| left.encode_utf16().cmp(right.encode_utf16()));
    ids.join(":")
}

#[cfg(test)]
mod tests {
    use super::{Signature, SignedRequest, check, sign_login, sorted};
    use crate::app::App;
    use crate::ids::{AppId, ClientId, ConversationId};
    use crate::timestamp::Timestamp;

    const MADE_AT: i64 = 1_700_000_000_123;

    fn app() -> App {
        let key = || "demoMasterKey0001".to_owned();
        App { id: AppId::new("demoApp0001"), app_key: "k".into(), master_key: key(), hook_key: "h".into() }
    }

    fn ids(names: &[&str]) -> Vec<ClientId> {
        names.iter().copied().map(ClientId::new).collect()
    }

    fn signature(hex: &str) -> Signature {
        Signature { hex: hex.to_owned(), timestamp: MADE_AT, nonce: "n0nce".to_owned() }
    }

    fn checked(request: SignedRequest<'_>, signature: &Signature, now: i64) -> Result<(), &'static str> {
        check((&app(), &ClientId::new("alice")), request, Some(signature), Timestamp(now))
    }

    /// The vectors of S-134.
    #[test]
    fn published_signatures_are_right() {
        let log_in = signature("6e258c53ce614c95da58d3c373849bb987159a62");
        assert_eq!(checked(SignedRequest::LogIn, &log_in, MADE_AT), Ok(()));
        assert_eq!(sign_login((&app(), &ClientId::new("alice")), Timestamp(MADE_AT), "n0nce"), log_in);
        let upper = signature(&log_in.hex.to_uppercase());
        assert_eq!(checked(SignedRequest::LogIn, &upper, MADE_AT), Ok(()));
        let create = signature("7faaeec47ede225e20d30044632fb32788f3828f");
        for members in [ids(&["alice", "bob"]), ids(&["bob", "alice"]), ids(&["bob"])] {
            assert_eq!(checked(SignedRequest::Create(&members), &create, MADE_AT), Ok(()));
        }
        let conversation = ConversationId::new("64f0c0ffee0000000000a001");
        let invite = signature("5aefd618a26b9a5cc4645e7fbb40dbf3978ad201");
        let members = ids(&["carol", "bob"]);
        assert_eq!(checked(SignedRequest::Add(&conversation, &members), &invite, MADE_AT), Ok(()));
        assert!(checked(SignedRequest::Remove(&conversation, &members), &invite, MADE_AT).is_err());
        assert!(checked(SignedRequest::Add(&conversation, &ids(&["bob"])), &invite, MADE_AT).is_err());
        assert!(checked(SignedRequest::LogIn, &create, MADE_AT).is_err());
    }

    /// P-114. The one of a client that refuses a conversation has an empty list of members.
    #[test]
    fn signatures_of_blacklists_name_their_action() {
        let cid = ConversationId::new("64f0c0ffee0000000000a001");
        let (members, cids) = (ids(&["carol", "bob"]), [cid.clone()]);
        let made = |text: &str| {
            let mac = super::mac(&app(), &format!("demoApp0001:alice:{text}"));
            signature(&hex::encode(hmac::Mac::finalize(mac).into_bytes()))
        };
        let requests = [
            (SignedRequest::Block(&cid, &members), "bob:carol:1700000000123:n0nce:conversation-block-clients"),
            (SignedRequest::Unblock(&cid, &members), "bob:carol:1700000000123:n0nce:conversation-unblock-clients"),
            (SignedRequest::Refuse(&cids), ":1700000000123:n0nce:client-block-conversations"),
            (SignedRequest::Accept(&cids), ":1700000000123:n0nce:client-unblock-conversations"),
        ];
        for (request, right) in requests {
            for (_, text) in requests {
                let made = made(&format!("{cid}:{text}"));
                assert_eq!(checked(request, &made, MADE_AT).is_ok(), right == text, "{request:?} {text}");
            }
        }
    }

    #[test]
    fn a_signature_lives_for_six_hours_and_may_be_a_little_ahead() {
        let log_in = signature("6e258c53ce614c95da58d3c373849bb987159a62");
        let (hours, minutes) = (6 * 60 * 60 * 1000, 5 * 60 * 1000);
        for (now, is_right) in [
            (MADE_AT + hours, true),
            (MADE_AT + hours + 1, false),
            (MADE_AT - minutes, true),
            (MADE_AT - minutes - 1, false),
        ] {
            assert_eq!(checked(SignedRequest::LogIn, &log_in, now).is_ok(), is_right, "{now}");
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for hex in ["", "nonsense", "6e258c53", "6e258c53ce614c95da58d3c373849bb987159a63"] {
            assert!(checked(SignedRequest::LogIn, &signature(hex), MADE_AT).is_err(), "{hex}");
        }
        let none = check((&app(), &ClientId::new("alice")), SignedRequest::LogIn, None, Timestamp(MADE_AT));
        assert!(none.is_err_and(|text| text.contains("has none")));
    }

    #[test]
    fn members_are_sorted_as_javascript_sorts() {
        assert_eq!(sorted(&ids(&["\u{ff5e}", "\u{1f600}", "a"])), "a:\u{1f600}:\u{ff5e}");
    }
}
