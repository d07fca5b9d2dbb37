//! A database that is killed, stopped, started again, slow, or not heard.

use std::time::{Duration, Instant};

use futures::future::join_all;
use hookd_im_core::ids::{Channel, NodeId};
use hookd_im_core::store::{
    CallEntry, CallFor, CallLimits, Calls as _, Conversations as _, Messages as _, NewCall, Settings as _, StoreError,
    StoredCall,
};
use hookd_postgres_server::{Link, PostgresServer};

use crate::world::{
    app, asked, assert_nothing_is_lost, clients, create, message, new_conversation, open, say, say_at_last, talk,
};

/// What the store promises for one call.
const LIMIT: Duration = Duration::from_millis(4500);

const LIMITS: CallLimits = CallLimits { calls: 1000, bytes: 1 << 20 };

fn call(text: &str) -> NewCall {
    NewCall {
        channel: Channel::new("_messageSent"),
        target: "_messageSent".to_owned(),
        order_key: None,
        payload: text.to_owned().into(),
        remote_address: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_acknowledged_and_is_used_again_by_itself() {
    let mut server = PostgresServer::start();
    let store = open(&server.url()).await;
    let conversation = create(&store).await;
    let said = talk(&store, &conversation, 8, async {
        for _ in 0..3 {
            say_at_last(&store, &conversation, "between").await;
            tokio::task::block_in_place(|| {
                server.kill();
                server.start_again();
            });
        }
        say_at_last(&store, &conversation, "after all").await;
    })
    .await;
    assert!(said.iter().any(|(_, answer)| answer.is_ok()));
    assert_nothing_is_lost(&store, &conversation, &said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_is_an_error_in_time_and_works_again_when_it_goes_on() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let conversation = create(&store).await;
    say(&store, &conversation, "before").await.unwrap();
    server.freeze();
    let began = Instant::now();
    let (app, id) = (app(), conversation.clone());
    let members = asked(&["jerry"]);
    let (said, read, added, found) = tokio::join!(
        say(&store, &id, "frozen"),
        store.settings(&app),
        store.add_members(&app, &id, &members, 10, None),
        store.conversation(&app, &id),
    );
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let said = vec![("frozen".to_owned(), said)];
    for error in [said[0].1.as_ref().err(), read.as_ref().err(), added.as_ref().err(), found.as_ref().err()] {
        let error = error.unwrap_or_else(|| panic!("a stopped server answered"));
        let is_in_time = matches!(
            error,
            StoreError::TimedOut { .. } | StoreError::OutcomeUnknown { .. } | StoreError::Unavailable(_)
        );
        assert!(is_in_time, "{error:?}");
    }
    server.thaw();
    say_at_last(&store, &conversation, "after").await;
    assert_nothing_is_lost(&store, &conversation, &said).await;
    store.settings(&app).await.unwrap();
}

#[tokio::test]
async fn a_slow_server_is_waited_for_and_a_slower_one_is_not() {
    let server = PostgresServer::start();
    let link = Link::to(server.port());
    let store = open(&server.url_through(&link)).await;
    let conversation = create(&store).await;
    link.delay(Duration::from_millis(100));
    say(&store, &conversation, "slow").await.unwrap();
    assert_eq!(store.conversation(&app(), &conversation).await.unwrap().unwrap().id, conversation);
    link.delay(Duration::from_secs(3));
    let began = Instant::now();
    let late = vec![("too slow".to_owned(), say(&store, &conversation, "too slow").await)];
    assert!(late[0].1.is_err());
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    link.pass();
    say_at_last(&store, &conversation, "quick again").await;
    assert_nothing_is_lost(&store, &conversation, &late).await;
}

#[tokio::test]
async fn a_statement_that_others_hold_up_ends_in_time() {
    let server = PostgresServer::start();
    let store = open(&server.url()).await;
    let conversation = create(&store).await;
    // Each of them waits for all the others' locks: they end when the server ends them.
    let holding = std::thread::spawn({
        let url = server.url();
        move || {
            let hold = "BEGIN; LOCK TABLE messages; SELECT pg_sleep(30)";
            let mut holder = std::process::Command::new("psql").args(["--command", hold, &url]).spawn().unwrap();
            holder.wait()
        }
    });
    while server.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted") == "0" {}
    let began = Instant::now();
    let said = join_all((0..20).map(|number| {
        let (store, conversation) = (&store, &conversation);
        async move { (number.to_string(), say(store, conversation, &number.to_string()).await) }
    }))
    .await;
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    assert!(said.iter().all(|(_, answer)| answer.is_err()), "{said:?}");
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    say_at_last(&store, &conversation, "free").await;
    assert_nothing_is_lost(&store, &conversation, &said).await;
    let _ = holding.join();
}

/// The answer is lost, and found out over another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_read_back() {
    let server = PostgresServer::start();
    let link = Link::to(server.port());
    let store = open(&server.url_through(&link)).await;
    let conversation = create(&store).await;
    say(&store, &conversation, "warm").await.unwrap();
    // The commit waits for a lock that a deferred trigger takes; its connection is cut meanwhile.
    server.sql(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_sleep(1);
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW WHEN (new.id IS NOT NULL) EXECUTE FUNCTION wait()",
    );
    let (of_task, id) = (store.clone(), conversation.clone());
    let sending = tokio::spawn(async move { say(&of_task, &id, "cut").await });
    tokio::task::block_in_place(|| until_it_sleeps(&server));
    link.cut();
    let said = sending.await.unwrap().unwrap();
    let said = vec![("cut".to_owned(), Ok(said))];
    assert_nothing_is_lost(&store, &conversation, &said).await;
}

fn until_it_sleeps(server: &PostgresServer) {
    while server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "0" {}
}

/// What is not found out is 4200, and its resend is answered as the same message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_unknown_outcome_is_answered_as_an_earlier_one_when_it_is_sent_again() {
    let server = PostgresServer::start();
    let link = Link::to(server.port());
    let store = open(&server.url_through(&link)).await;
    let conversation = create(&store).await;
    say(&store, &conversation, "warm").await.unwrap();
    server.sql(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_sleep(0.5);
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let new = message(&conversation, "lost");
    let app = app();
    let (of_task, sent) = (store.clone(), new.clone());
    let sending = tokio::spawn(async move { of_task.append_message(&crate::world::app(), sent, None).await });
    tokio::task::block_in_place(|| until_it_sleeps(&server));
    link.hold_answers();
    let lost = sending.await.unwrap();
    assert!(matches!(lost, Err(StoreError::OutcomeUnknown { .. })), "{lost:?}");
    link.pass();
    server.sql("DROP TRIGGER wait ON messages");
    let mut again = message(&conversation, "lost");
    again.deduplication_token = new.deduplication_token;
    let resent = loop {
        match store.append_message(&app, again.clone(), None).await {
            Ok(resent) => break resent.unwrap().row,
            Err(error) => assert!(!matches!(error, StoreError::OutcomeUnknown { .. }), "{error:?}"),
        }
    };
    assert_eq!(resent.id, new.id);
    assert!(resent.earlier.is_some());
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_holds_no_call_back() {
    let server = PostgresServer::start();
    let link = Link::to(server.port());
    let store = open(&server.url_through(&link)).await;
    let (node, app, channel) = (NodeId::generate(), app(), Channel::new("_messageSent"));
    let entries = ["one", "two"].map(|text| CallEntry::from(call(text)));
    let stored = store.add_calls(&node, &app, entries.to_vec(), LIMITS).await.unwrap();
    assert_eq!(stored, [StoredCall::Queued, StoredCall::Queued]);
    let first = store.claim(&node, &app, &channel, 1).await.unwrap().calls;
    link.hold_answers();
    assert!(store.claim(&node, &app, &channel, 10).await.is_err());
    link.pass();
    let mut second = store.claim(&node, &app, &channel, 10).await;
    while second.is_err() {
        second = store.claim(&node, &app, &channel, 10).await;
    }
    let second = second.unwrap().calls;
    assert_eq!((first.len(), second.len()), (1, 1), "the first stays claimed, the second comes");
    assert_ne!(first[0].number, second[0].number);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_acknowledged_message_has_its_call_though_the_server_is_killed() {
    let mut server = PostgresServer::start();
    let store = open(&server.url()).await;
    let (node, app) = (NodeId::generate(), app());
    let conversation = create(&store).await;
    let mut acknowledged = Vec::new();
    for round in 0..30 {
        if round % 10 == 5 {
            tokio::task::block_in_place(|| {
                server.kill();
                server.start_again();
            });
        }
        let text = format!("{round}");
        let of_call = text.clone();
        let with_call = CallFor { make: Box::new(move |_| Some(call(&of_call))), limits: LIMITS };
        match store.append_message(&app, message(&conversation, &text), Some(with_call)).await {
            Ok(appended) => {
                assert_eq!(appended.unwrap().call, StoredCall::Queued);
                acknowledged.push(text);
            }
            Err(error) => assert!(!matches!(error, StoreError::Database(_)), "{error:?}"),
        }
    }
    assert!(acknowledged.len() > 20, "{acknowledged:?}");
    let calls = store.claim(&node, &app, &Channel::new("_messageSent"), 100).await.unwrap().calls;
    let called: Vec<_> = calls.iter().map(|call| String::from_utf8(call.payload.to_vec()).unwrap()).collect();
    for text in acknowledged {
        assert!(called.contains(&text), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_operations_work_again_after_a_restart() {
    let mut server = PostgresServer::start();
    let store = open(&server.url()).await;
    let app = app();
    let created = store.create_conversation(&app, new_conversation(&["tom"], true), None).await.unwrap();
    let id = created.row.conversation.id;
    for _ in 0..20 {
        // More connections than one are open when the server goes.
        join_all((0..8).map(|_| store.conversation(&app, &id))).await;
    }
    tokio::task::block_in_place(|| {
        server.kill();
        server.start_again();
    });
    let added = store.add_members(&app, &id, &asked(&["jerry"]), 10, None).await.unwrap().unwrap();
    assert_eq!(added.row.changed, clients(&["jerry"]));
    let read = join_all((0..8).map(|_| store.conversation(&app, &id))).await;
    assert!(read.iter().filter(|read| read.is_ok()).count() >= 1);
    store.conversation(&app, &id).await.unwrap().unwrap();
}
