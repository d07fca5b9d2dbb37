//! Whether the app has blacklists, and the one that each client has of its own: conversations to which it does not want to be
//! added by others (S-128).

use std::collections::HashSet;

use crate::actor::Actor;
use crate::core::ImCore;
use crate::error::{Code, RequestError};
use crate::ids::ConversationId;
use crate::store::{ConversationPage, RefusalChange};

/// Conversations on the list of one client.
pub const MAX_REFUSED: usize = 500;

/// Conversations that one page of a list may have.
const MAX_PAGE: u32 = 100;

/// A part of a list of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPage {
    /// The conversations.
    pub conversations: Vec<ConversationId>,
    /// Where the next part begins; `None` at the end of the list.
    pub next: Option<String>,
}

/// An app switches its blacklists on (S-127).
///
/// # Errors
/// 4544 with a detail that names the setting.
pub(super) async fn check_switch(core: &ImCore, actor: &Actor) -> Result<(), RequestError> {
    if core.settings.get(&actor.app.id).await?.blacklist {
        return Ok(());
    }
    let detail = "this app has no blacklists; switch them on with `hookd settings --blacklist on`";
    Err(RequestError::detailed(Code::BlacklistDisabled, detail))
}

/// Puts conversations on the list of the acting client, which stays a member where it is one.
///
/// # Errors
/// 4544 the app has no blacklists, 4100 the app is gone. Conversations that do not exist or that the list has no room for are a
/// partial result.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity))]
pub async fn refuse(
    core: &ImCore,
    actor: &Actor,
    conversations: Vec<ConversationId>,
) -> Result<RefusalChange, RequestError> {
    check_switch(core, actor).await?;
    core.check_app(actor)?;
    let (app, client) = (&actor.app.id, actor.client()?);
    Ok(core.store.refuse_conversations(app, client, &without_duplicates(conversations), MAX_REFUSED).await?)
}

/// Takes conversations off the list of the acting client; answers them.
///
/// # Errors
/// 4544 the app has no blacklists, 4100 the app is gone.
#[tracing::instrument(skip_all, fields(app = %actor.app.id, client = %actor.identity))]
pub async fn accept(
    core: &ImCore,
    actor: &Actor,
    conversations: Vec<ConversationId>,
) -> Result<Vec<ConversationId>, RequestError> {
    check_switch(core, actor).await?;
    core.check_app(actor)?;
    let conversations = without_duplicates(conversations);
    core.store.accept_conversations(&actor.app.id, actor.client()?, &conversations).await?;
    Ok(conversations)
}

/// A part of the list of the acting client: `limit` of them, 1 to 100, after `after`, which is the [`RefusedPage::next`] of the
/// part before.
///
/// # Errors
/// 4544 the app has no blacklists.
pub async fn refused(core: &ImCore, actor: &Actor, page: ConversationPage) -> Result<RefusedPage, RequestError> {
    check_switch(core, actor).await?;
    let limit = page.limit.clamp(1, MAX_PAGE);
    // One more, which tells whether there is a next part.
    let page = ConversationPage { limit: limit.saturating_add(1), ..page };
    let mut conversations = core.store.refused_conversations(&actor.app.id, actor.client()?, &page).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = conversations.len() > limit;
    conversations.truncate(limit);
    let next = conversations.last().filter(|_| has_more).map(|last| last.as_str().to_owned());
    Ok(RefusedPage { conversations, next })
}

/// Those among `conversations` that are on the list of the acting client, in the order of the request.
///
/// # Errors
/// 4544 the app has no blacklists.
pub async fn which_refused(
    core: &ImCore,
    actor: &Actor,
    conversations: Vec<ConversationId>,
) -> Result<Vec<ConversationId>, RequestError> {
    check_switch(core, actor).await?;
    let conversations = without_duplicates(conversations);
    let found = core.store.which_refused(&actor.app.id, actor.client()?, &conversations).await?;
    Ok(conversations.into_iter().filter(|conversation| found.contains(conversation)).collect())
}

fn without_duplicates(conversations: Vec<ConversationId>) -> Vec<ConversationId> {
    let mut seen = HashSet::new();
    conversations.into_iter().filter(|conversation| seen.insert(conversation.clone())).collect()
}
