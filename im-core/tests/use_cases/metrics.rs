//! What is counted about hook calls.

use hookd_im_core::app::FailurePolicy;
use hookd_im_core::hooks::FailureCause;
use hookd_im_core::messages;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::scripted_engine::Script;
use crate::world::{World, message};

#[tokio::test]
async fn calls_and_what_the_policy_made_of_failures_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    hookd_im_core::hooks::metrics::describe();

    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &[]).await;
    let send = || async { messages::send(&world.core, &tom.request(), message(&id, "hi")).await.map(drop) };
    send().await.unwrap();
    world.engine.reply("_messageReceived", "null");
    send().await.unwrap();
    world.engine.define("_messageReceived", Script::Fail(FailureCause::Trapped));
    send().await.unwrap();
    world.engine.reply("_messageReceived", "[]");
    send().await.unwrap();
    world.set_policy(FailurePolicy::Abort).await;
    send().await.unwrap_err();

    let page = handle.render();
    for line in [
        r#"hookd_hook_calls_total{hook="_messageReceived",outcome="replied"} 3"#,
        r#"hookd_hook_calls_total{hook="_messageReceived",outcome="trap"} 1"#,
        r#"hookd_hook_let_through_total{hook="_messageReceived",cause="trap"} 1"#,
        r#"hookd_hook_let_through_total{hook="_messageReceived",cause="bad_reply"} 1"#,
        r#"hookd_hook_aborted_total{hook="_messageReceived",cause="bad_reply"} 1"#,
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
    assert!(page.contains("# HELP hookd_hook_let_through_total"));
}

#[tokio::test]
async fn notifications_are_counted_from_the_queue_to_their_end() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let world = World::new();
    let mut tom = world.client("tom");
    let id = world.conversation(&mut tom, &[]).await;
    world
        .set(|settings| {
            settings.notification_retry_ms = 1;
            settings.notification_attempts = 3;
            settings.notification_queue_limit = 2;
            settings.dead_letter_limit = 1;
        })
        .await;
    world.engine.define("_messageSent", Script::Wait);
    for text in ["one", "two", "three"] {
        world.say(&tom, &id, text).await;
    }
    let notifications = world.core.hooks.notifications();
    notifications.resume().await;
    let has = |line: &str| {
        let page = handle.render();
        assert!(page.lines().any(|found| found.starts_with(line)), "{line} is missing in\n{page}");
    };
    has(r#"hookd_hook_notifications_waiting{app="demo"} 2"#);
    has(r#"hookd_hook_notifications_oldest_seconds{app="demo"} 0"#);
    world.engine.define("_messageSent", Script::Fail(FailureCause::Failed));
    world.engine.open_gate();
    world.notifications_are_done().await;
    world.say(&tom, &id, "four").await;
    world.say(&tom, &id, "five").await;
    world.notifications_are_done().await;
    notifications.resume().await;
    has(r#"hookd_hook_notifications_queued_total{hook="_messageSent"} 4"#);
    has(r#"hookd_hook_notifications_dropped_total{hook="_messageSent"} 1"#);
    has(r#"hookd_hook_notifications_retried_total{hook="_messageSent"} "#);
    has(r#"hookd_hook_notifications_dead_total{hook="_messageSent",cause="failed"} "#);
    has("hookd_hook_dead_letters_dropped_total ");
    has(r#"hookd_hook_notifications_waiting{app="demo"} 0"#);
}
