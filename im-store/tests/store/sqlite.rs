//! The embedded backend alone: its file, its commits.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures::future::join_all;
use hookd_im_core::ids::{AppId, ClientId, ConversationId, NodeId, SessionId};
use hookd_im_core::store::{
    CallEntry, Calls as _, ConversationQuery, Conversations as _, Direction, FoundConversation, HistoryBound,
    HistoryQuery, Messages as _, NewConversation, Nodes as _, OpenSession, QueryError, SessionEntry, StoredMessage,
};
use hookd_im_core::timestamp::Timestamp;
use hookd_im_store::sqlite::SqliteStore;
use serde_json::{Value, json};

use crate::fixture::{MANY, at_most, message, new_conversation, object, offline};

fn app() -> AppId {
    AppId::new("demo")
}

async fn create(store: &SqliteStore) -> ConversationId {
    store.create_conversation(&app(), new_conversation(&["tom"], false), None).await.unwrap().row.conversation.id
}

async fn whole_history(store: &SqliteStore, conversation: &ConversationId) -> Vec<StoredMessage> {
    let mut messages: Vec<StoredMessage> = Vec::new();
    loop {
        let start = messages.last().map(|last| HistoryBound {
            timestamp: last.timestamp,
            id: Some(last.id.clone()),
            included: false,
        });
        let query = HistoryQuery { start, end: None, direction: Direction::New, limit: 100, message_type: None };
        let page = store.history(&app(), conversation, &query).await.unwrap();
        if page.is_empty() {
            return messages;
        }
        messages.extend(page);
    }
}

#[tokio::test]
async fn concurrent_appends_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("im.db")).unwrap();
    let conversation = create(&store).await;
    let before = store.write_counts();
    let app = app();
    join_all((0..200).map(|_| store.append_message(&app, message(&conversation, "tom", "hi"), None))).await;
    let after = store.write_counts();
    assert_eq!(after.commands - before.commands, 200);
    assert!(after.commits - before.commits <= 50, "{before:?} {after:?}");
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("im.db");
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let conversation = create(&store).await;
    let appends = (0..300).map(|number| {
        let (store, message) = (Arc::clone(&store), message(&conversation, "tom", &number.to_string()));
        tokio::spawn(async move { store.append_message(&app(), message, None).await })
    });
    let mut appended: Vec<_> =
        join_all(appends).await.into_iter().map(|one| one.unwrap().unwrap().unwrap().row).collect();
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    appended.sort_by_key(|message| message.timestamp);
    let history = whole_history(&store, &conversation).await;
    assert_eq!(
        history.iter().map(|message| (&message.id, message.timestamp)).collect::<Vec<_>>(),
        appended.iter().map(|message| (&message.id, message.timestamp)).collect::<Vec<_>>(),
    );
}

#[tokio::test]
async fn filter_that_no_index_helps_looks_at_the_newest_rows_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("im.db")).unwrap();
    let (app, tom) = (app(), ClientId::new("tom"));
    let mut oldest = new_conversation(&["tom"], false);
    oldest.attributes = object(json!({"name": "oldest"}));
    let oldest = store.create_conversation(&app, oldest, None).await.unwrap().row.conversation.id;
    for _ in 0..10 {
        let creates = (0..500).map(|_| store.create_conversation(&app, new_conversation(&["jerry"], false), None));
        join_all(creates).await.into_iter().for_each(|created| assert!(created.is_ok()));
    }
    let find = async |filter: Value| {
        let query = ConversationQuery { filter: object(filter), limit: 10, ..ConversationQuery::default() };
        store.find_conversations(&app, &tom, &query).await.unwrap().len()
    };
    assert_eq!(find(json!({"name": "oldest"})).await, 0);
    assert_eq!(find(json!({"name": "oldest", "objectId": oldest})).await, 1);
    assert_eq!(find(json!({"name": "oldest", "m": "tom"})).await, 1);
}

/// Resident memory in KiB: the most since the last call, after which it is counted anew.
fn most_resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    most.trim().trim_end_matches(" kB").parse().unwrap()
}

/// F-6: of a row that is not answered nothing is kept, and no answer is larger than a socket should wait for.
#[tokio::test]
async fn a_sorted_query_keeps_only_what_it_answers() {
    const ROWS: usize = 700;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("im.db")).unwrap();
    let (app, tom) = (app(), ClientId::new("tom"));
    let create = async |first: usize| {
        for first in (first..first + ROWS).step_by(50) {
            let creates = (first..first + 50).map(|number| {
                let attributes = json!({"name": format!("{number:05}"), "attr": {"text": "x".repeat(60_000)}});
                let new = NewConversation { attributes: object(attributes), ..new_conversation(&["tom"], false) };
                store.create_conversation(&app, new, None)
            });
            join_all(creates).await.into_iter().for_each(|created| assert!(created.is_ok()));
        }
    };
    create(0).await;
    let find = async |sort: &str, limit, compact| {
        let filter = object(json!({"name": {"$exists": true}}));
        let sort = Some(sort.to_owned());
        let query = ConversationQuery { filter, sort, limit, compact, ..ConversationQuery::default() };
        store.find_conversations(&app, &tom, &query).await
    };
    most_resident();
    let before = most_resident();
    let answers = join_all((0..4).map(|_| find("name", 1, false))).await;
    let after = most_resident();
    for rows in answers {
        assert_eq!(rows.unwrap()[0].conversation.attributes["name"], "00000");
    }
    assert!(after < before + 24 * 1024, "{before} KiB before, {after} KiB at most");

    let too_costly = |answer: Result<_, QueryError>, named: &str| match answer {
        Err(QueryError::TooCostly(text)) => assert!(text.contains(named), "{text}"),
        other => panic!("{:?}", other.map(|rows: Vec<FoundConversation>| rows.len())),
    };
    too_costly(find("name", 100, true).await, "answered with more than 2 MiB");
    too_costly(find("-updatedAt", 100, true).await, "answered with more than 2 MiB");
    too_costly(find("attr.text", 100, true).await, "sorts by values of more than 4 MiB");
    create(ROWS).await;
    too_costly(find("name", 1, true).await, "looks at more than 64 MiB");
    assert_eq!(find("-updatedAt", 1, true).await.unwrap().len(), 1, "the next query works");
    let most = most_resident();
    assert!(most < before + 48 * 1024, "{before} KiB before, {most} KiB at most");
}

/// F-14a.
#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("im.db");
    let modes = || {
        let files = folder.path().read_dir().unwrap().map(|file| file.unwrap());
        let mode = |file: &std::fs::DirEntry| file.metadata().unwrap().permissions().mode() & 0o777;
        let mut modes: Vec<_> = files.map(|file| (file.file_name().into_string().unwrap(), mode(&file))).collect();
        modes.sort();
        modes
    };
    let private = ["im.db", "im.db-shm", "im.db-wal"].map(|name| (name.to_owned(), 0o600));
    let store = SqliteStore::open(&path).unwrap();
    create(&store).await;
    assert_eq!(modes(), private);
    for (name, _) in modes() {
        std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    create(&store).await;
    assert_eq!(modes(), private, "of an older program");
}

/// Set for the process that is to be killed: where its store is.
const VICTIM_STORE: &str = "HOOKD_TEST_VICTIM_STORE";

/// Written by the victim before an answered message, since the test harness writes to stdout too.
const ANSWERED: &str = "answered ";

#[tokio::test]
async fn killed_process_keeps_every_answered_message() {
    if let Some(path) = std::env::var_os(VICTIM_STORE) {
        append_until_killed(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("im.db");
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["sqlite::killed_process_keeps_every_answered_message", "--exact", "--nocapture"])
        .env(VICTIM_STORE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = HashMap::new();
    let mut conversation = None;
    for line in BufReader::new(victim.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((_, facts)) = line.split_once(ANSWERED) else { continue };
        let [in_conversation, id, timestamp] = facts.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        conversation = Some(ConversationId::new(in_conversation));
        answered.insert(id.to_owned(), Timestamp(timestamp.parse().unwrap()));
        if answered.len() == 500 {
            victim.kill().unwrap();
        }
    }
    victim.wait().unwrap();
    assert!(answered.len() >= 500, "the victim ended early");

    let store = SqliteStore::open(&path).unwrap();
    let history = whole_history(&store, &conversation.unwrap()).await;
    assert!(history.is_sorted_by(|left, right| left.timestamp < right.timestamp));
    let stored: HashMap<_, _> =
        history.iter().map(|message| (message.id.as_str().to_owned(), message.timestamp)).collect();
    assert_eq!(stored.len(), history.len());
    for (id, timestamp) in answered {
        assert_eq!(stored.get(&id), Some(&timestamp), "{id}");
    }
}

async fn append_until_killed(path: &Path) -> ! {
    let store = Arc::new(SqliteStore::open(path).unwrap());
    let conversation = create(&store).await;
    let senders = (0..8).map(|_| {
        let (store, conversation) = (Arc::clone(&store), conversation.clone());
        tokio::spawn(async move {
            loop {
                let message = message(&conversation, "tom", "hi");
                let appended = store.append_message(&app(), message, None).await.unwrap().unwrap().row;
                let line = format!("{ANSWERED}{conversation} {} {}\n", appended.id, appended.timestamp.0);
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        })
    });
    join_all(senders).await;
    unreachable!("senders never end")
}

#[tokio::test]
async fn sessions_of_a_forgotten_app_go_in_small_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("im.db")).unwrap();
    let entries = (0..1_200).map(|session| {
        let opened = OpenSession { session: SessionId(session), call_if_lost: offline("tom") };
        CallEntry { call: None, session: Some(SessionEntry::Opened(opened)) }
    });
    let node = NodeId::generate();
    store.add_calls(&node, &app(), entries.collect(), at_most(MANY)).await.unwrap();
    let before = store.write_counts().commands;
    store.forget_calls(&app()).await.unwrap();
    assert!(store.write_counts().commands - before >= 3, "others' writes waited for all of it");
    assert_eq!(store.end_node(&node).await.unwrap(), 0);
}
