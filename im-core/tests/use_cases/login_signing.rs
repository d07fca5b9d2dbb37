//! `_rtmClientSign`: S-99, R-70.

use std::time::Duration;

use hook_types::ClientSignParams;
use hookd_im_core::app::FailurePolicy;
use hookd_im_core::hooks::FailureCause;
use hookd_im_core::presence::{Login, LoginSource, NotSigned, SessionLifecycle, sign_login_of_user};
use hookd_im_core::signature::Signature;
use hookd_im_core::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::scripted_engine::Script;
use crate::world::{ADDRESS, World};

const HOOK: &str = "_rtmClientSign";
const USER: &str = "5fb4c0ffee0000000000b001";

async fn sign(world: &World) -> Result<Signature, NotSigned> {
    let user = ClientSignParams { object_id: USER.to_owned(), username: Some("tom".to_owned()), ..Default::default() };
    sign_login_of_user(&world.core, &world.app, &user, ADDRESS.parse().unwrap()).await.map(|(client, signature)| {
        assert_eq!(client.as_str(), USER);
        signature
    })
}

#[tokio::test]
async fn a_signed_user_may_log_in_where_the_app_wants_signatures() {
    let world = World::new();
    world.set(|settings| settings.login_signature = true).await;
    let signature = sign(&world).await.unwrap();
    assert!(Timestamp::now().since(Timestamp(signature.timestamp)) < Duration::from_secs(60));
    assert_ne!(sign(&world).await.unwrap().nonce, signature.nonce);
    let login =
        Login { client: Some(hookd_im_core::ids::ClientId::new(USER)), signature: Some(signature), ..Login::default() };
    let source =
        LoginSource { connection: hookd_im_core::ids::ConnectionId(1), remote_address: ADDRESS.parse().unwrap() };
    let lifecycle = SessionLifecycle::new(Duration::from_secs(60));
    assert!(lifecycle.open(&world.core, &world.app, login, source, |_| ()).await.is_ok());
}

#[tokio::test]
async fn the_hook_gets_the_user_and_its_answer_is_obeyed() {
    let world = World::new();
    for (reply, refused) in [
        (json!({"result": true}), None),
        (json!({}), None),
        (Value::Null, None),
        (json!({"result": false, "error": "not you"}), Some("not you")),
        (json!({"result": false}), Some("the app refuses to sign")),
    ] {
        world.engine.reply(HOOK, &reply);
        let signed = sign(&world).await;
        assert_eq!(signed.err().map(|error| error.to_string()).as_deref(), refused, "{reply}");
    }
    let params = &world.engine.calls_of(HOOK)[0];
    assert_eq!((&params["objectId"], &params["username"]), (&json!(USER), &json!("tom")));
}

#[tokio::test]
async fn a_hook_that_fails_signs_or_not_as_the_policy_says() {
    let world = World::new();
    world.engine.define(HOOK, Script::Fail(FailureCause::Trapped));
    assert!(sign(&world).await.is_ok());
    world.set_policy(FailurePolicy::Abort).await;
    assert!(matches!(sign(&world).await, Err(NotSigned::HookFailed(_))));
}

#[tokio::test]
async fn nothing_is_signed_for_an_app_that_was_deleted_while_the_hook_was_asked() {
    let world = World::new();
    world.engine.define(HOOK, Script::Wait);
    let waits = world.engine.next_wait();
    let (signed, ()) = tokio::join!(sign(&world), async {
        waits.await.unwrap();
        world.delete_app();
        world.engine.open_gate();
    });
    assert!(matches!(signed, Err(NotSigned::AppGone)));
}
