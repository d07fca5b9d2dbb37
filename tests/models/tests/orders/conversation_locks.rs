// The locks of conversations, in every order of events that a scheduler thinks of.
// `super::subject` is what is tried.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use hookd_models::ids::{AppId, ConversationId};
use shuttle::future::{block_on, spawn, yield_now};

use super::subject::ConversationLocks;

/// Orders that are tried.
const ORDERS: usize = 20_000;
const APP: AppId = AppId("demo");

/// Holds the conversation over what another task may interrupt; panics when another task holds it too.
async fn hold(locks: &ConversationLocks, conversation: &ConversationId, holders: &AtomicUsize) {
    let guard = locks.lock(&APP, conversation).await;
    assert_eq!(holders.fetch_add(1, Ordering::Relaxed), 0, "two hold one conversation");
    yield_now().await;
    holders.fetch_sub(1, Ordering::Relaxed);
    drop(guard);
}

/// Asks for the conversation, and gives up after the first look.
async fn give_up(locks: &ConversationLocks, conversation: &ConversationId) {
    let mut waiting = pin!(locks.lock(&APP, conversation));
    poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await;
}

fn nothing_is_left(locks: &ConversationLocks) {
    assert_eq!(format!("{locks:?}"), format!("{:?}", ConversationLocks::default()), "a lock outlives its holders");
}

pub fn one_holds_a_conversation_and_nothing_is_left_of_its_lock() {
    let orders = || {
        block_on(async {
            let locks = Arc::new(ConversationLocks::default());
            let holders = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            let tasks = [0, 0, 1, 0].map(|number| {
                let (locks, holders) = (locks.clone(), holders.clone());
                spawn(async move { hold(&locks, &ConversationId(number), &holders[usize::from(number)]).await })
            });
            for task in tasks {
                task.await.unwrap();
            }
            nothing_is_left(&locks);
        });
    };
    shuttle::check_random(orders, ORDERS);
    shuttle::check_pct(orders, ORDERS, 3);
}

pub fn tasks_that_give_up_hold_no_task_up_and_leave_nothing() {
    let orders = || {
        block_on(async {
            let locks = Arc::new(ConversationLocks::default());
            let holders = Arc::new(AtomicUsize::new(0));
            let conversation = ConversationId(0);
            let tasks = [true, false, true, false].map(|stays| {
                let (locks, holders, conversation) = (locks.clone(), holders.clone(), conversation.clone());
                spawn(async move {
                    match stays {
                        true => hold(&locks, &conversation, &holders).await,
                        false => give_up(&locks, &conversation).await,
                    }
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            nothing_is_left(&locks);
        });
    };
    shuttle::check_random(orders, ORDERS);
    shuttle::check_pct(orders, ORDERS, 3);
}
