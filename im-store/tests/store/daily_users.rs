//! The clients that have logged in today.

use std::time::Duration;

use futures::future::join_all;
use hookd_im_core::ids::{AppId, ClientId};

use crate::fixture::Fixture;

pub async fn so_many_clients_are_users_of_a_day_and_each_counts_once(fixture: &Fixture) {
    let (app, other) = (fixture.app.clone(), AppId::new("other"));
    let counts =
        async |app: &AppId, client: &str| fixture.store.count_daily_user(app, &ClientId::new(client), 2).await.unwrap();
    assert!(counts(&app, "to\0m").await && counts(&app, "jerry").await);
    assert!(!counts(&app, "spike").await);
    assert!(counts(&app, "to\0m").await && counts(&app, "jerry").await, "they are users already");
    assert!(counts(&other, "spike").await, "each app has its own");
    assert!(fixture.store.count_daily_user(&app, &ClientId::new("spike"), 3).await.unwrap(), "the quota grew");
    // The clock of a fixture starts at 22:13 UTC.
    fixture.advance(Duration::from_secs(2 * 60 * 60));
    assert!(counts(&app, "butch").await && counts(&app, "spike").await, "it is another day");
    assert!(!counts(&app, "to\0m").await);
}

pub async fn clients_that_come_at_the_same_time_are_no_more_than_the_quota(fixture: &Fixture) {
    let counting = (0..20).map(|number| async move {
        // Each comes twice.
        let client = ClientId::new(format!("client {}", number / 2));
        fixture.store.count_daily_user(&fixture.app, &client, 4).await.unwrap()
    });
    let counted = join_all(counting).await;
    assert_eq!(counted.iter().filter(|is_user| **is_user).count(), 8, "{counted:?}");
}
