//! Requests about conversations that the server of the app must have signed.

use super::blacklist::check_switch;
use super::existing;
use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::signature::{self, Signature, SignedRequest};
use crate::timestamp::Timestamp;

/// Checks the signature of a request, where the app has switched that on. To be asked before hooks (S-135). A client may leave
/// without one (S-104).
///
/// # Errors
/// 4303 no such conversation, 4302 with a detail when the signature is missing or wrong; of a request about a blacklist 4544
/// where the app has none, and 4546.
pub async fn check_signature(
    core: &ImCore,
    actor: &Actor,
    request: SignedRequest<'_>,
    signature: Option<&Signature>,
) -> Result<(), RequestError> {
    use SignedRequest::{Accept, Add, Block, Refuse, Remove, Unblock};
    let is_about_blacklist = matches!(request, Block(..) | Unblock(..) | Refuse(_) | Accept(_));
    if is_about_blacklist {
        check_switch(core, actor).await?;
    }
    let settings = core.settings.get(&actor.app.id).await?;
    let (is_wanted, code) = match is_about_blacklist {
        true => (settings.blacklist_signature, Code::BlacklistSignatureFailed),
        false => (settings.conversation_signature, Code::ConversationSignatureFailed),
    };
    if !is_wanted {
        return Ok(());
    }
    let client = actor.client()?;
    if let Add(conversation, _) | Remove(conversation, _) | Block(conversation, _) | Unblock(conversation, _) = request
    {
        existing(core, actor, conversation).await?;
    }
    if let (Remove(_, [member]), None) = (request, signature)
        && member == client
    {
        return Ok(());
    }
    let checked = signature::check((&actor.app, client), request, signature, Timestamp::now());
    checked.map_err(|problem| RequestError::detailed(code, problem))
}
