//! Notification hooks: nobody waits for them, and their queue is bounded.

use hookd_im_core::app::FailurePolicy;
use hookd_im_core::hooks::FailureCause;

use crate::scripted_engine::Script;
use crate::world::World;

/// What may wait or run at a time, for one app.
const CAPACITY: usize = 1024;

#[tokio::test]
async fn a_notification_hook_holds_nobody_up_and_its_failure_stops_nothing() {
    let world = World::new();
    world.set_policy(FailurePolicy::Abort).await;
    let (mut tom, mut jerry) = (world.client("tom"), world.client("jerry"));
    let id = world.conversation(&mut tom, &["jerry"]).await;
    jerry.events();
    world.set(|settings| settings.notification_hook_timeout_ms = 20).await;
    for script in [Script::Hang, Script::Fail(FailureCause::Trapped), Script::Reply("not read".to_owned())] {
        world.engine.define("_messageSent", script);
        world.say(&tom, &id, "hi").await;
        assert_eq!(jerry.news(), ["tom says hi"]);
    }
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent").len(), 3);
}

#[tokio::test]
async fn calls_beyond_the_queue_are_dropped() {
    let world = World::new();
    let mut tom = world.client("tom");
    world.engine.define("_messageSent", Script::Wait);
    let id = world.conversation(&mut tom, &[]).await;
    for number in 0..CAPACITY + 10 {
        world.say(&tom, &id, &number.to_string()).await;
    }
    world.engine.open_gate();
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent").len(), CAPACITY);
    world.say(&tom, &id, "room again").await;
    world.notifications_are_done().await;
    assert_eq!(world.engine.calls_of("_messageSent").len(), CAPACITY + 1);
}
