//! The end of temporary conversations: no foreign key deletes what belongs to them.

use hookd_im_core::ids::{ClientId, ConversationId};
use hookd_im_core::store::{
    ConversationKind, Conversations as _, NewConversation, Restriction, StandingChange, StandingDecision,
    Standings as _,
};
use hookd_postgres_server::PostgresServer;

use crate::world::{app, new_conversation, open, say};

#[tokio::test]
async fn nothing_is_left_of_an_expired_conversation_in_any_table() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let tables = "SELECT table_name FROM information_schema.columns
                  WHERE table_schema = 'public' AND column_name = 'conversation' ORDER BY table_name";
    let tables: Vec<String> = server.sql(tables).lines().map(str::to_owned).collect();
    assert!(tables.len() >= 4, "{tables:?}");
    let new = NewConversation {
        id: ConversationId::generate_temporary(),
        kind: ConversationKind::Temporary,
        ttl_seconds: Some(60),
        ..new_conversation(&["tom"], false)
    };
    let id = store.create_conversation(&app(), new, None).await.unwrap().row.conversation.id;
    say(&store, &id, "hi").await.unwrap();
    let silence = StandingChange::Restrict(Restriction::Silenced, vec![ClientId::new("tom")]);
    let decide = Box::new(|_: &_| Ok(StandingDecision { change: silence, failed: Vec::new() }));
    let (app, tom) = (app(), ClientId::new("tom"));
    let changing = store.change_standing(&app, &id, (&tom, std::slice::from_ref(&tom)), decide, None);
    changing.await.unwrap().unwrap().unwrap();
    server.sql("UPDATE conversations SET expires_at = 1");
    while store.delete_expired_conversations().await.unwrap() {}
    for table in tables.iter().map(String::as_str).chain(["conversations"]) {
        assert_eq!(server.sql(&format!("SELECT count(*) FROM {table}")), "0", "{table}");
    }
}
