//! The locks of conversations. Beside their file, which `tests/models` compiles too.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::ids::{AppId, ConversationId};
use crate::keyed_locks::ConversationLocks;

fn ids() -> (AppId, ConversationId) {
    (AppId::new("demo"), ConversationId::generate())
}

fn assert_nothing_is_left(locks: &ConversationLocks) {
    assert_eq!(format!("{locks:?}"), format!("{:?}", ConversationLocks::default()));
}

/// Polls once; true when the future is still waiting.
async fn is_waiting<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn the_second_waits_for_the_first_and_the_entry_is_freed_after_both() {
    let locks = ConversationLocks::default();
    let (app, conversation) = ids();
    let first = locks.lock(&app, &conversation).await;
    let mut second = pin!(locks.lock(&app, &conversation));
    assert!(is_waiting(second.as_mut()).await);
    drop(first);
    drop(second.await);
    assert_nothing_is_left(&locks);
}

#[tokio::test]
async fn a_waiter_that_gives_up_leaves_nothing_behind() {
    let locks = ConversationLocks::default();
    let (app, conversation) = ids();
    let first = locks.lock(&app, &conversation).await;
    {
        let mut second = pin!(locks.lock(&app, &conversation));
        assert!(is_waiting(second.as_mut()).await);
    }
    drop(first);
    assert_nothing_is_left(&locks);
}

#[tokio::test]
async fn conversations_do_not_wait_for_each_other() {
    let locks = ConversationLocks::default();
    let (app, conversation) = ids();
    let _first = locks.lock(&app, &conversation).await;
    let _other = locks.lock(&app, &ConversationId::generate()).await;
    let _same_id_elsewhere = locks.lock(&AppId::new("other"), &conversation).await;
}
