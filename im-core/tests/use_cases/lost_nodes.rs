//! Leases of nodes: when a node ends others, and what it does when others took it for dead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use hookd_im_core::core::ImCore;
use hookd_im_core::ids::{Channel, NodeId};
use hookd_im_core::store::{CallLimits, NewCall};

use crate::scripted_engine::Script;
use crate::scripted_nodes::{Renewal, Step};
use crate::world::World;

const HOOK: &str = "_messageSent";

/// As [`hookd_im_core::hooks::Notifications`] has it.
const LEASE: Duration = Duration::from_secs(30);

/// Calls of a channel that run at a time.
const RUNNING: usize = 8;

/// Others that are claimed with them.
const CLAIMED: usize = 12;

fn watch(world: &World) {
    let core: Arc<ImCore> = world.core.clone();
    tokio::spawn(async move { core.hooks.notifications().watch().await });
}

async fn until(condition: impl AsyncFn() -> bool) {
    while !condition().await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_start_ends_what_is_from_before_it_and_no_other_node() {
    let world = World::new();
    world.store.nodes.script([], Duration::ZERO);
    world.core.hooks.notifications().recover(None).await;
    let steps = world.store.nodes.until(|steps| !steps.is_empty()).await;
    let steps: Vec<Step> = steps.into_iter().map(|(_, step)| step).collect();
    assert_eq!(steps, [Step::Renewed, Step::EndedEarlier]);
}

#[tokio::test(start_paused = true)]
async fn after_a_stall_others_have_the_time_to_renew_before_they_are_ended() {
    for stall in [Renewal::After(Duration::from_secs(60)), Renewal::Fails] {
        let world = World::new();
        world.store.nodes.script([stall], Duration::ZERO);
        watch(&world);
        let steps = world.store.nodes.until(|steps| steps.iter().any(|(_, step)| *step == Step::EndedLost)).await;
        let renewals: Vec<_> = steps.iter().filter(|(_, step)| *step == Step::Renewed).map(|(at, _)| *at).collect();
        let ended = steps.last().unwrap().0;
        assert_eq!(renewals.len(), 3);
        assert!(ended - renewals[0] >= Duration::from_secs(10), "{stall:?}: {:?}", ended - renewals[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_keeps_its_lease_while_it_ends_many_sessions_of_others() {
    let world = World::new();
    world.store.nodes.script([], Duration::from_secs(3600));
    watch(&world);
    let renewed = |count| {
        world.store.nodes.until(move |steps| steps.iter().filter(|(_, step)| *step == Step::Renewed).count() >= count)
    };
    let steps = tokio::time::timeout(Duration::from_secs(600), renewed(10)).await.unwrap();
    let renewals: Vec<_> = steps.iter().filter(|(_, step)| *step == Step::Renewed).map(|(at, _)| *at).collect();
    assert!(renewals.windows(2).all(|pair| pair[1] - pair[0] < LEASE / 2), "{renewals:?}");
}

/// A world where so many calls run as may, and others are claimed with them.
async fn world_with_claimed_calls(script: Script) -> World {
    let world = World::new();
    world
        .set(|settings| {
            settings.notification_retry_ms = 1;
            settings.hook_breaker_failures = 1_000;
        })
        .await;
    world.engine.define(HOOK, script);
    let call = NewCall {
        channel: Channel::new(HOOK),
        target: HOOK.to_owned(),
        order_key: None,
        payload: Bytes::from_static(b"{}"),
        remote_address: None,
    };
    let calls = vec![call.into(); RUNNING + CLAIMED];
    let limits = CallLimits { calls: 100, bytes: 1_000 };
    world.core.store.add_calls(&world.node, &world.app.id, calls, limits).await.unwrap();
    world.core.hooks.notifications().resume().await;
    until(async || world.engine.calls().len() == RUNNING).await;
    world
}

async fn until_settled(world: &World, calls: usize) {
    until(async || world.store.settled.load(Ordering::SeqCst) >= calls).await;
}

fn numbers(world: &World) -> Vec<u64> {
    let mut numbers: Vec<u64> = world.engine.calls().iter().map(|call| call.sequence.unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[tokio::test]
async fn no_call_is_begun_after_the_lease_is_over() {
    let world = world_with_claimed_calls(Script::Hang).await;
    tokio::time::pause();
    // The running ones fail with it: their time is over too.
    tokio::time::advance(LEASE).await;
    tokio::time::resume();
    until_settled(&world, RUNNING).await;
    assert_eq!(world.engine.calls().len(), RUNNING, "another node may make the others");
    world.engine.reply(HOOK, "null");
    watch(&world);
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls().len(), RUNNING + RUNNING + CLAIMED);
    assert_eq!(numbers(&world).len(), RUNNING + CLAIMED);
}

#[tokio::test]
async fn claimed_calls_of_a_node_that_others_ended_are_left_to_them() {
    let world = world_with_claimed_calls(Script::Wait).await;
    let (store, channel, other) = (world.core.store.clone(), Channel::new(HOOK), NodeId::generate());
    store.end_node(&world.node).await.unwrap();
    let taken = store.claim(&other, &world.app.id, &channel, 100).await.unwrap().calls;
    assert_eq!(taken.len(), RUNNING + CLAIMED);

    // It was only slow, and looks after its lease now.
    world.core.hooks.notifications().recover(None).await;
    world.engine.open_gate();
    until_settled(&world, RUNNING).await;
    assert_eq!(world.engine.calls().len(), RUNNING, "another node makes the others");

    let taken = taken.into_iter().map(|call| call.number).collect();
    store.give_back(&other, &world.app.id, &channel, taken).await.unwrap();
    world.core.hooks.notifications().resume().await;
    world.notifications_are_done().await;
    assert_eq!(numbers(&world).len(), RUNNING + CLAIMED);
    assert!(store.backlog().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_that_ran_while_its_node_was_ended_is_not_made_beside_itself() {
    let world = world_with_claimed_calls(Script::Wait).await;
    let claims = world.store.claims.load(Ordering::SeqCst);
    world.core.store.end_node(&world.node).await.unwrap();
    world.core.hooks.notifications().recover(None).await;
    // Those that run are claimed again with the others.
    until(async || world.store.claims.load(Ordering::SeqCst) == claims + 1).await;
    world.engine.open_gate();
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls().len(), RUNNING + CLAIMED);
    assert_eq!(numbers(&world).len(), RUNNING + CLAIMED);
    assert!(world.core.store.backlog().await.unwrap().is_empty());
}
