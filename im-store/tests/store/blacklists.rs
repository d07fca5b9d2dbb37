//! Who is not added to a conversation.

use hookd_im_core::error::Code;
use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    ConversationPage, FailedMembers, MemberRules, MembershipRequest, RefusalChange, Restriction, Standing,
    StandingChange, StandingDecision,
};
use serde_json::json;

use crate::fixture::{Fixture, asked, clients};

/// S-103, step 5.
pub async fn blocked_clients_and_those_that_refuse_are_not_added_by_others(fixture: &Fixture) {
    let conversation = fixture.create(&["tom", "anna"], json!({})).await;
    let (store, app, id) = (&fixture.store, &fixture.app, &conversation.id);
    let blocked = clients(&["jerry", "anna"]);
    let change = StandingChange::Restrict(Restriction::Blocked, clients(&["jerry"]));
    let decide = Box::new(move |_: &Standing| Ok(StandingDecision { change, failed: Vec::new() }));
    store.change_standing(app, id, (&ClientId::new("tom"), &blocked), decide, None).await.unwrap().unwrap().unwrap();
    let spike = ClientId::new("spike");
    store.refuse_conversations(app, &spike, std::slice::from_ref(id), 10).await.unwrap();

    let rules = MemberRules { blacklist: true, ..MemberRules::default() };
    let request = MembershipRequest { rules, ..asked(&["jerry", "butch", "anna", "spike"]) };
    let added = store.add_members(app, id, &request, 500, None).await.unwrap().unwrap().row;
    assert_eq!((added.changed, added.unchanged), (clients(&["butch"]), clients(&["anna"])));
    let [FailedMembers { code, members, .. }] = added.forbidden.as_slice() else { panic!("{:?}", added.forbidden) };
    assert_eq!((*code, members), (Code::BlockedByConversation, &clients(&["jerry", "spike"])));

    let joins = |client: &str| MembershipRequest { by: ClientId::new(client), rules, ..asked(&[client]) };
    let joined = store.add_members(app, id, &joins("jerry"), 500, None).await.unwrap().unwrap().row;
    assert_eq!(joined.forbidden.len(), 1);
    let joined = store.add_members(app, id, &joins("spike"), 500, None).await.unwrap().unwrap().row;
    assert_eq!(joined.changed, clients(&["spike"]), "others may not add it, itself may");
    // While the feature is off nobody can be taken off a list either.
    let added = store.add_members(app, id, &asked(&["jerry"]), 500, None).await.unwrap().unwrap().row;
    assert_eq!(added.changed, clients(&["jerry"]));
}

pub async fn a_list_of_refused_conversations_is_bounded_and_read_in_parts(fixture: &Fixture) {
    let (store, app, tom) = (&fixture.store, &fixture.app, ClientId::new("to\0m"));
    let mut known = Vec::new();
    for _ in 0..4 {
        known.push(fixture.create(&["tom"], json!({})).await.id);
    }
    known.sort();
    let unknown = [ConversationId::new("64f0c0ffee0000000000a001"), ConversationId::new("a\0b")];
    let all = [&known[..], &unknown].concat();
    let change = store.refuse_conversations(app, &tom, &all, 3).await.unwrap();
    let (refused, beyond) = (known[..3].to_vec(), known[3..].to_vec());
    assert_eq!(change, RefusalChange { refused: refused.clone(), unknown: unknown.to_vec(), beyond });
    let again = store.refuse_conversations(app, &tom, &refused, 3).await.unwrap();
    assert_eq!(again, RefusalChange { refused: refused.clone(), ..RefusalChange::default() });
    assert_eq!(fixture.conversation(&refused[0]).await.standing_version, 1);

    let listed = async |after: Option<&ConversationId>, limit| {
        let page = ConversationPage { after: after.map(|id| id.as_str().to_owned()), limit };
        store.refused_conversations(app, &tom, &page).await.unwrap()
    };
    assert_eq!(listed(None, 10).await, refused);
    assert_eq!(listed(None, 2).await, refused[..2]);
    assert_eq!(listed(Some(&refused[1]), 2).await, refused[2..]);
    let mut found = store.which_refused(app, &tom, &all).await.unwrap();
    found.sort();
    assert_eq!(found, refused);
    assert!(store.which_refused(app, &ClientId::new("anna"), &all).await.unwrap().is_empty());

    store.accept_conversations(app, &tom, &[&refused[1..2], &unknown].concat()).await.unwrap();
    assert_eq!(listed(None, 10).await, [&refused[..1], &refused[2..]].concat());
    let change = store.refuse_conversations(app, &tom, &known[3..], 3).await.unwrap();
    assert_eq!(change.refused, known[3..], "there is room again");
}
