//! A session that has logged in gets what is sent to the service conversations that its client subscribes to.

use std::sync::Arc;

use super::Session;
use crate::core::ImCore;
use crate::delivery::ChangedSubscriptions;
use crate::store::StoreError;

/// Finds the subscriptions of a session's client. What is sent to subscribers reaches the session from then on: to be called
/// before what is unread is counted.
///
/// # Errors
/// When the store fails: the session gets nothing that is sent to subscribers.
pub async fn follow_subscriptions(core: &ImCore, session: &Arc<Session>) -> Result<(), StoreError> {
    let _turn = core.subscribers.turn(&session.app, &session.client).await;
    let subscriptions = core.store.subscribed(&session.app, &session.client).await?;
    core.subscribers.log_in(session, &subscriptions);
    Ok(())
}

/// The subscriptions of a client were changed through another node: its sessions here follow.
///
/// # Errors
/// When the store fails: they go on as before.
pub async fn follow_subscriptions_of(
    core: &ImCore,
    ChangedSubscriptions { app, client }: &ChangedSubscriptions,
) -> Result<(), StoreError> {
    if !core.online.is_online(app, client) {
        return Ok(());
    }
    let _turn = core.subscribers.turn(app, client).await;
    let subscriptions = core.store.subscribed(app, client).await?;
    core.online.sessions(app, client).iter().for_each(|session| core.subscribers.set(session, &subscriptions));
    Ok(())
}
