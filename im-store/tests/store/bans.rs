//! Clients that may not log in.

use std::time::Duration;

use hookd_im_core::ids::{AppId, ClientId};
use hookd_im_core::store::{Ban, ClientPage};

use crate::fixture::{Fixture, MANY, START, clients};

pub async fn a_ban_is_there_until_its_time_is_over_or_it_is_taken_back(fixture: &Fixture) {
    let (store, app, other) = (&fixture.store, &fixture.app, AppId::new("other"));
    let [tom, jerry] = ["to\0m", "jerry"].map(ClientId::new);
    let until = Some(START.plus(Duration::from_secs(60)));
    let ban = Ban { client: tom.clone(), banned_at: START, until };
    assert_eq!(store.ban_of(app, &tom).await.unwrap(), None);
    assert_eq!(store.ban(app, &tom, until, MANY).await.unwrap(), Some(ban.clone()));
    assert_eq!(store.ban_of(app, &tom).await.unwrap(), Some(ban));
    assert_eq!(store.ban_of(&other, &tom).await.unwrap(), None);
    assert_eq!(store.ban_of(app, &jerry).await.unwrap(), None);

    fixture.advance(Duration::from_secs(60));
    assert_eq!(store.ban_of(app, &tom).await.unwrap(), None);
    assert!(!store.unban(app, &tom).await.unwrap(), "it is over");
    let for_ever = store.ban(app, &tom, None, MANY).await.unwrap().unwrap();
    fixture.advance(Duration::from_secs(1_000_000_000));
    assert_eq!(store.ban_of(app, &tom).await.unwrap(), Some(for_ever));
    assert!(!store.unban(&other, &tom).await.unwrap());
    assert!(store.unban(app, &tom).await.unwrap());
    assert!(!store.unban(app, &tom).await.unwrap());
    assert_eq!(store.ban_of(app, &tom).await.unwrap(), None);
}

pub async fn bans_are_bounded_and_read_in_parts(fixture: &Fixture) {
    let (store, app) = (&fixture.store, &fixture.app);
    let soon = Some(START.plus(Duration::from_secs(1)));
    let banned = async |client: &str, until| store.ban(app, &ClientId::new(client), until, 3).await.unwrap().is_some();
    assert!(banned("éva", None).await && banned("Zoe", None).await && banned("anna", soon).await);
    assert!(!banned("butch", None).await);
    assert!(banned("anna", soon).await, "it is one of them");
    let listed = async |after: Option<&str>, limit| {
        let page = ClientPage { after: after.map(str::to_owned), limit };
        let bans = store.bans(app, &page).await.unwrap();
        bans.into_iter().map(|ban| ban.client).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 10).await, clients(&["Zoe", "anna", "éva"]));
    assert_eq!(listed(None, 2).await, clients(&["Zoe", "anna"]));
    assert_eq!(listed(Some("anna"), 2).await, clients(&["éva"]));
    assert_eq!(listed(Some("an\0"), 1).await, clients(&["anna"]));
    fixture.advance(Duration::from_secs(1));
    assert_eq!(listed(None, 10).await, clients(&["Zoe", "éva"]));
    assert!(banned("butch", None).await, "there is room again");
    assert_eq!(listed(None, 10).await, clients(&["Zoe", "butch", "éva"]));
}
