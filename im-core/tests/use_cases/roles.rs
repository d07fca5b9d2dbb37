//! Roles of members, and what they allow (S-123, P-69, P-97, P-98).

use hookd_im_core::conversations::{self, RestrictionChange};
use hookd_im_core::error::{Code, RequestError};
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{FailedMembers, MemberInfo, Restriction, Role};

use crate::scripted_engine::Script;
use crate::world::{Client, World, code, ids, refusal};

const SILENCE: RestrictionChange = RestrictionChange { restriction: Restriction::Silenced, is_lifted: false };
const LET_SPEAK: RestrictionChange = RestrictionChange { is_lifted: true, ..SILENCE };
const BLOCK: RestrictionChange = RestrictionChange { restriction: Restriction::Blocked, is_lifted: false };

/// Tom owns a conversation, of which Jerry and Spike are managers; Butch and Anna are members too.
struct Scene {
    world: World,
    tom: Client,
    jerry: Client,
    butch: Client,
    conversation: ConversationId,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        world
            .set(|settings| {
                settings.roles = true;
                settings.blacklist = true;
            })
            .await;
        let (mut tom, jerry, butch) = (world.client("tom"), world.client("jerry"), world.client("butch"));
        let conversation = world.conversation(&mut tom, &["jerry", "spike", "butch", "anna"]).await;
        let mut scene = Self { world, tom, jerry, butch, conversation };
        for manager in ["jerry", "spike"] {
            scene.set_role(&scene.tom, manager, "Manager").await.unwrap();
        }
        scene.jerry.events();
        scene.butch.events();
        scene
    }

    async fn set_role(&self, by: &Client, target: &str, role: &str) -> Result<MemberInfo, RequestError> {
        let target = ClientId::new(target);
        conversations::set_role(&self.world.core, &by.request(), &self.conversation, (target, role)).await
    }

    /// The failures of a change.
    async fn change(
        &self,
        by: &Client,
        change: RestrictionChange,
        clients: &[&str],
    ) -> Result<Vec<(Code, Vec<ClientId>)>, RequestError> {
        let (core, asking) = (&self.world.core, by.request());
        let changed =
            conversations::change_restriction(core, &asking, &self.conversation, change, ids(clients)).await?;
        Ok(reasons(changed.failed))
    }

    async fn remove(&self, by: &Client, clients: &[&str]) -> Result<Vec<(Code, Vec<ClientId>)>, RequestError> {
        let (core, asking) = (&self.world.core, by.request());
        let removed = conversations::remove(core, &asking, &self.conversation, ids(clients)).await?;
        Ok(reasons(removed.failed))
    }

    async fn roles(&self) -> Vec<(String, Role)> {
        let asking = self.tom.request();
        let found = conversations::member_infos(&self.world.core, &asking, &self.conversation).await.unwrap();
        found.into_iter().map(|info| (info.client.as_str().to_owned(), info.role)).collect()
    }
}

fn reasons(failed: Vec<FailedMembers>) -> Vec<(Code, Vec<ClientId>)> {
    failed.into_iter().map(|failed| (failed.code, failed.members)).collect()
}

/// P-97, S-21.
#[tokio::test]
async fn a_role_is_stored_and_the_other_members_learn_of_it() {
    let mut scene = Scene::new().await;
    scene.tom.events();
    let info = scene.set_role(&scene.tom, "butch", "Manager").await.unwrap();
    assert_eq!((info.client.as_str(), info.role), ("butch", Role::Manager));
    assert_eq!(scene.butch.news(), ["butch is Manager by tom"]);
    assert_eq!(scene.jerry.news(), ["butch is Manager by tom"]);
    assert!(scene.tom.news().is_empty());
    scene.set_role(&scene.tom, "jerry", "Member").await.unwrap();
    let expected = [("butch", Role::Manager), ("jerry", Role::Member), ("spike", Role::Manager)];
    assert_eq!(scene.roles().await, expected.map(|(client, role)| (client.to_owned(), role)));
}

/// P-98: a manager against a member, another manager, itself and the owner.
#[tokio::test]
async fn a_role_acts_on_lower_ones_only() {
    let scene = Scene::new().await;
    let Scene { tom, jerry, butch, .. } = &scene;
    let too_low = Code::OperationUnauthorized;
    for change in [SILENCE, LET_SPEAK, BLOCK] {
        for higher in ["spike", "jerry", "tom"] {
            assert_eq!(code(scene.change(jerry, change, &[higher]).await), too_low, "{change:?} {higher}");
        }
        assert_eq!(code(scene.change(butch, change, &["anna"]).await), too_low);
    }
    for higher in ["spike", "jerry", "tom"] {
        assert_eq!(code(scene.set_role(jerry, higher, "Member").await), too_low);
    }
    assert_eq!(code(scene.remove(jerry, &["spike"]).await), too_low);
    assert_eq!(code(scene.remove(butch, &["anna"]).await), too_low);
    assert_eq!(code(scene.set_role(butch, "anna", "Manager").await), too_low);

    let some = scene.change(jerry, SILENCE, &["spike", "anna", "tom"]).await.unwrap();
    assert_eq!(some, [(too_low, ids(&["spike", "tom"]))]);
    let some = scene.remove(jerry, &["anna", "spike"]).await.unwrap();
    assert_eq!(some, [(too_low, ids(&["spike"]))]);
    assert!(scene.change(tom, SILENCE, &["spike", "jerry"]).await.unwrap().is_empty());
    assert!(scene.change(jerry, BLOCK, &["butch", "stranger"]).await.unwrap().is_empty());
    assert!(scene.remove(tom, &["spike"]).await.unwrap().is_empty());
    assert_eq!(scene.world.row(&scene.conversation).await.members, ids(&["jerry", "tom"]));
}

/// P-69.
#[tokio::test]
async fn an_owner_stays_once_roles_are_in_use() {
    let scene = Scene::new().await;
    let needed = || (Code::OwnerNeeded, ids(&["tom"]));
    assert_eq!(scene.remove(&scene.tom, &["tom"]).await.unwrap(), [needed()]);
    assert_eq!(scene.remove(&scene.tom, &["anna", "tom"]).await.unwrap(), [needed()]);
    assert_eq!(scene.remove(&scene.jerry, &["butch", "tom"]).await.unwrap(), [needed()]);
    assert_eq!(scene.world.row(&scene.conversation).await.members, ids(&["jerry", "spike", "tom"]));
    // A manager may leave. Where no role is left the owner may, too.
    assert!(scene.remove(&scene.jerry, &["jerry"]).await.unwrap().is_empty());
    assert!(scene.remove(&scene.tom, &["spike"]).await.unwrap().is_empty());
    assert!(scene.remove(&scene.tom, &["tom"]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_owner_stays_also_where_the_first_role_is_given_while_the_hook_is_asked() {
    let world = World::new();
    world.set(|settings| settings.roles = true).await;
    let mut tom = world.client("tom");
    let conversation = world.conversation(&mut tom, &["jerry", "spike"]).await;
    world.engine.define("_conversationRemove", Script::Wait);
    let (request, waits) = (tom.request(), world.engine.next_wait());
    let removing = conversations::remove(&world.core, &request, &conversation, ids(&["tom", "spike"]));
    let (removed, ()) = tokio::join!(removing, async {
        waits.await.unwrap();
        let target = (ClientId::new("jerry"), "Manager");
        conversations::set_role(&world.core, &tom.request(), &conversation, target).await.unwrap();
        world.engine.open_gate();
    });
    let removed = removed.unwrap();
    assert_eq!(removed.allowed, ids(&["spike"]));
    assert_eq!(reasons(removed.failed), [(Code::OwnerNeeded, ids(&["tom"]))]);
}

/// S-104: who comes back has no role any more.
#[tokio::test]
async fn a_manager_that_comes_back_is_a_member() {
    let scene = Scene::new().await;
    assert!(scene.remove(&scene.jerry, &["jerry"]).await.unwrap().is_empty());
    assert_eq!(code(scene.change(&scene.jerry, SILENCE, &["anna"]).await), Code::ConversationMembershipRequired);
    let (core, asking) = (&scene.world.core, scene.jerry.request());
    conversations::add(core, &asking, &scene.conversation, ids(&["jerry"])).await.unwrap();
    assert_eq!(code(scene.change(&scene.jerry, SILENCE, &["anna"]).await), Code::OperationUnauthorized);
    assert_eq!(scene.roles().await, [("spike".to_owned(), Role::Manager)]);
}

/// S-123: `roles.member_can_add`.
#[tokio::test]
async fn a_member_adds_others_where_the_app_allows_it() {
    let scene = Scene::new().await;
    let core = &scene.world.core;
    let add = async |by: &Client, client: &str| {
        let added = conversations::add(core, &by.request(), &scene.conversation, ids(&[client])).await;
        added.map(|added| added.allowed)
    };
    assert_eq!(add(&scene.butch, "quacker").await.unwrap(), ids(&["quacker"]));
    scene.world.set(|settings| settings.member_can_add = false).await;
    assert_eq!(code(add(&scene.butch, "toodles").await), Code::OperationUnauthorized);
    assert_eq!(add(&scene.jerry, "toodles").await.unwrap(), ids(&["toodles"]));
    let droopy = scene.world.client("droopy");
    assert_eq!(add(&droopy, "droopy").await.unwrap(), ids(&["droopy"]), "a client may join");
}

#[tokio::test]
async fn what_is_no_role_is_refused() {
    let scene = Scene::new().await;
    let by_tom = async |target: &str, role: &str| code(scene.set_role(&scene.tom, target, role).await);
    assert_eq!(by_tom("butch", "Admin").await, Code::UnknownRole);
    assert_eq!(by_tom("butch", "").await, Code::UnknownRole);
    assert_eq!(by_tom("butch", "Owner").await, Code::OperationUnauthorized);
    assert_eq!(by_tom("stranger", "Manager").await, Code::ConversationMembershipRequired);
    assert_eq!(by_tom("", "Manager").await, Code::ConversationApiFailed);
    let stranger = scene.world.client("stranger");
    assert_eq!(code(scene.set_role(&stranger, "butch", "Manager").await), Code::ConversationMembershipRequired);
    let asking = stranger.request();
    let found = conversations::member_infos(&scene.world.core, &asking, &scene.conversation).await;
    assert_eq!(code(found), Code::ConversationMembershipRequired);
}

/// S-123, S-124: off until the app switches them on.
#[tokio::test]
async fn without_roles_every_member_acts_on_every_member() {
    let scene = Scene::new().await;
    scene.world.set(|settings| settings.roles = false).await;
    let (refused, _, detail) = refusal(scene.set_role(&scene.tom, "butch", "Manager").await);
    assert_eq!(refused, Code::RolesDisabled);
    assert!(detail.unwrap().contains("hookd settings --roles on"));
    let asking = scene.tom.request();
    let found = conversations::member_infos(&scene.world.core, &asking, &scene.conversation).await;
    assert_eq!(code(found), Code::RolesDisabled);
    assert!(scene.change(&scene.butch, SILENCE, &["jerry", "tom"]).await.unwrap().is_empty());
    assert!(scene.remove(&scene.butch, &["tom"]).await.unwrap().is_empty());
}
