//! Circuit breakers, with a clock that only the test moves.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use hook_types::MessageReceived;
use hookd_im_core::app::FailurePolicy;
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::hooks::{BreakerReport, BreakerState, FailureCause};
use hookd_im_core::ids::ConversationId;
use hookd_im_core::messages;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::scripted_engine::Script;
use crate::world::{Client, World, app, message, refusal};

const HOOK: &str = "_messageReceived";
const FAILURES: u32 = 3;
const COOL_DOWN: Duration = Duration::from_millis(500);

/// Tom sends to a conversation of his own under `abort`, so that the outcome of each call shows.
struct Scene {
    world: World,
    tom: Client,
    conversation: ConversationId,
    _clock: StoppedClock,
}

/// Keeps the paused clock from jumping to the next deadline while the runtime waits for the store, which works on a
/// thread that the runtime does not know: a clock never jumps while a blocking task runs.
struct StoppedClock {
    _until_dropped: mpsc::Sender<()>,
}

impl StoppedClock {
    fn new() -> Self {
        let (until_dropped, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        Self { _until_dropped: until_dropped }
    }
}

impl Scene {
    async fn new() -> Self {
        let clock = StoppedClock::new();
        let world = World::new();
        let mut tom = world.client("tom");
        let conversation = world.conversation(&mut tom, &[]).await;
        world
            .set(|settings| {
                settings.on_hook_failure = FailurePolicy::Abort;
                settings.hook_breaker_failures = FAILURES;
                settings.hook_breaker_cool_down_ms = 500;
            })
            .await;
        Self { world, tom, conversation, _clock: clock }
    }

    async fn say(&self) -> Result<(), RequestError> {
        let message = message(&self.conversation, "hi");
        messages::send(&self.world.core, &self.tom.request(), message).await.map(drop)
    }

    async fn opened(cause: FailureCause) -> Self {
        let scene = Self::new().await;
        scene.world.engine.define(HOOK, Script::Fail(cause));
        for _ in 0..FAILURES {
            let (_, _, detail) = refusal(scene.say().await);
            assert!(detail.unwrap().ends_with("as scripted"));
        }
        scene
    }

    fn calls(&self) -> usize {
        self.world.engine.calls_of(HOOK).len()
    }

    fn report(&self) -> BreakerReport {
        let reports = self.world.core.hooks.breakers(&self.world.app);
        reports.into_iter().find(|report| report.hook == HOOK).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_engine_in_a_row_open_it_and_calls_then_fail_at_once() {
    for cause in [FailureCause::TimedOut, FailureCause::Unavailable, FailureCause::Overloaded] {
        let scene = Scene::opened(cause).await;
        let expected = BreakerReport {
            hook: HOOK,
            state: BreakerState::Open,
            failures_in_a_row: FAILURES,
            last_cause: Some(cause.name()),
            open_for_ms: Some(0),
            next_try_ms: Some(500),
        };
        assert_eq!(scene.report(), expected);

        scene.world.engine.define(HOOK, Script::Hang);
        let (code, app_code, detail) = refusal(scene.say().await);
        assert_eq!((code, app_code), (Code::InternalError, None));
        let detail = detail.unwrap();
        let last = format!("failed 3 times in a row, last with `{}`", cause.name());
        for part in ["hook call failed: `_messageReceived`: unavailable: the circuit breaker", &last, "500 ms"] {
            assert!(detail.contains(part), "{part} is missing in {detail}");
        }
        assert_eq!(scene.calls(), 3, "an open breaker calls no hook");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_function_itself_never_open_it() {
    let causes = [FailureCause::Failed, FailureCause::Trapped, FailureCause::OutOfMemory, FailureCause::BadReply];
    for script in causes.map(Script::Fail).into_iter().chain([Script::Reply("[]".to_owned())]) {
        let scene = Scene::new().await;
        scene.world.engine.define(HOOK, script.clone());
        for _ in 0..20 {
            scene.say().await.unwrap_err();
        }
        assert_eq!((scene.report().state, scene.calls()), (BreakerState::Closed, 20), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_answer_of_the_engine_begins_the_count_anew() {
    for answer in [Script::Reply("null".to_owned()), Script::Fail(FailureCause::Trapped)] {
        let scene = Scene::new().await;
        for _ in 0..4 {
            scene.world.engine.define(HOOK, Script::Fail(FailureCause::TimedOut));
            scene.say().await.unwrap_err();
            scene.say().await.unwrap_err();
            scene.world.engine.define(HOOK, answer.clone());
            let _ = scene.say().await;
        }
        let report = scene.report();
        assert_eq!((report.state, report.failures_in_a_row), (BreakerState::Closed, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_cool_down_one_call_tries_while_the_others_fail_at_once() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    tokio::time::advance(COOL_DOWN).await;
    scene.world.engine.define(HOOK, Script::Wait);
    let waits = scene.world.engine.next_wait();
    let others = async {
        waits.await.unwrap();
        assert_eq!(scene.report().state, BreakerState::HalfOpen);
        let (_, _, detail) = refusal(scene.say().await);
        assert!(detail.unwrap().ends_with("a call is trying the engine now"));
        scene.world.engine.open_gate();
    };
    let (probe, ()) = tokio::join!(scene.say(), others);
    probe.unwrap();
    assert_eq!((scene.report().state, scene.calls()), (BreakerState::Closed, 4));
    scene.say().await.unwrap();
    assert_eq!(scene.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_failed_try_opens_it_for_another_cool_down() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    tokio::time::advance(COOL_DOWN).await;
    scene.say().await.unwrap_err();
    assert_eq!((scene.report().state, scene.calls()), (BreakerState::Open, 4));
    tokio::time::advance(COOL_DOWN - Duration::from_millis(1)).await;
    scene.say().await.unwrap_err();
    assert_eq!(scene.calls(), 4);
    tokio::time::advance(Duration::from_millis(1)).await;
    scene.world.engine.reply(HOOK, "null");
    scene.say().await.unwrap();
    assert_eq!(scene.report().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_try_whose_request_is_gone_leaves_its_turn_to_the_next() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    tokio::time::advance(COOL_DOWN).await;
    scene.world.engine.define(HOOK, Script::Wait);
    let waits = scene.world.engine.next_wait();
    tokio::select! {
        biased;
        _ = scene.say() => panic!("the probe ended"),
        waits = waits => waits.unwrap(),
    }
    scene.world.engine.reply(HOOK, "null");
    scene.say().await.unwrap();
    assert_eq!(scene.report().state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_open_the_policy_for_unavailable_decides() {
    let scene = Scene::opened(FailureCause::TimedOut).await;
    let ignore = (format!("{HOOK}:unavailable"), FailurePolicy::Ignore);
    scene.world.set(|settings| settings.hook_failure_policies.extend([ignore])).await;
    scene.say().await.unwrap();
    assert_eq!((scene.report().state, scene.calls()), (BreakerState::Open, 3));
}

#[tokio::test(start_paused = true)]
async fn each_hook_has_its_own() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    scene.world.engine.reply("_messageSent", "null");
    scene.world.engine.reply("_conversationStart", "null");
    let mut spike = scene.world.client("spike");
    scene.world.conversation(&mut spike, &[]).await;
    assert_eq!(scene.world.engine.calls_of("_conversationStart").len(), 1);
    let reports = scene.world.core.hooks.breakers(&scene.world.app);
    let states: Vec<_> = reports.iter().map(|report| (report.hook, report.state)).collect();
    let (open, closed) = (BreakerState::Open, BreakerState::Closed);
    assert_eq!(states, [(HOOK, open), ("_messageSent", closed), ("_conversationStart", closed)]);
}

#[tokio::test(start_paused = true)]
async fn each_app_has_its_own() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    scene.world.engine.reply(HOOK, "null");
    let other = Arc::new(app("other"));
    let params = serde_json::from_value(scene.world.engine.calls_of(HOOK).remove(0)).unwrap();
    scene.world.core.hooks.before::<MessageReceived>(&other, &params, None).await.unwrap();
    assert_eq!((scene.report().state, scene.calls()), (BreakerState::Open, 4));
}

#[tokio::test(start_paused = true)]
async fn zero_failures_switch_it_off() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    scene.world.set(|settings| settings.hook_breaker_failures = 0).await;
    for _ in 0..20 {
        scene.say().await.unwrap_err();
    }
    assert_eq!((scene.report().state, scene.calls()), (BreakerState::Closed, 23));
}

#[tokio::test(start_paused = true)]
async fn the_state_and_the_calls_not_made_are_on_the_metrics_page() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let has = |line: &str| {
        let page = handle.render();
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    };

    let scene = Scene::opened(FailureCause::Unavailable).await;
    has(r#"hookd_hook_breaker_state{app="demo",hook="_messageReceived"} 2"#);
    scene.say().await.unwrap_err();
    has(r#"hookd_hook_short_circuited_total{hook="_messageReceived"} 1"#);
    has(r#"hookd_hook_calls_total{hook="_messageReceived",outcome="unavailable"} 3"#);
    has(r#"hookd_hook_aborted_total{hook="_messageReceived",cause="unavailable"} 4"#);
    tokio::time::advance(COOL_DOWN).await;
    scene.world.engine.reply(HOOK, "null");
    scene.say().await.unwrap();
    has(r#"hookd_hook_breaker_state{app="demo",hook="_messageReceived"} 0"#);
}

#[tokio::test(start_paused = true)]
async fn the_breakers_of_a_deleted_app_are_forgotten() {
    let scene = Scene::opened(FailureCause::Unavailable).await;
    scene.world.core.forget_app(&scene.world.app.id).await.unwrap();
    assert_eq!((scene.report().state, scene.report().failures_in_a_row), (BreakerState::Closed, 0));
}
