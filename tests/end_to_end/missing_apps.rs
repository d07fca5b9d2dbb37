//! Apps that the engine does not name, and apps that were deleted: of the latter alone the IM core keeps nothing.

use std::fs::rename;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::harness::{LeanEngine, Server, Shape, assert_refused};
use crate::notifications::letters_until;

/// A server whose app `demo` has three dead letters. Its hooks are elsewhere: hookd's own engine is what goes away.
fn server_with_letters() -> (Server, LeanEngine) {
    server_with_letters_as(Shape::of_this_program())
}

/// The same, in a shape of its own.
fn server_with_letters_as(shape: Shape) -> (Server, LeanEngine) {
    let mut server = Server::start_as(shape);
    let recorder = LeanEngine::recorder(&server, &json!({"_messageSent": 1_000}));
    server.hookd_ok(&["settings", "--engine-url", recorder.url(), "--notification-attempts", "1"]);
    server.play_with("chatter", &["3"]);
    letters_until(&server, 3);
    (server, recorder)
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Stops the engine, moves folders, and starts it again.
fn start_engine_after(server: &mut Server, moves: [(&Path, &Path); 2]) {
    if server.processes().shape() == Shape::OneProcess {
        server.kill();
    } else {
        server.processes().kill_engine();
    }
    for (from, to) in moves {
        rename(from, to).unwrap();
    }
    if server.processes().shape() == Shape::OneProcess {
        server.start_with_new_keys();
    } else {
        server.start_engine();
    }
}

/// F-13.
#[test]
fn an_engine_that_came_back_without_an_app_takes_nothing_of_it() {
    for shape in [Shape::OverTcp, Shape::OneProcess] {
        let (mut server, _recorder) = server_with_letters_as(shape);
        // Of another installation, which has an app that is not there, and had one with the same name as one that is.
        let mut other = Server::start_as(shape);
        other.hookd_ok(&["apps", "create", "shop"]);
        other.hookd_ok(&["apps", "delete", "demo"]);
        other.kill();
        let [engine, away] = ["engine", "engine-away"].map(|name| server.data().join(name));
        let foreign = other.data().join("engine");

        let master_key = server.key("master_key").to_owned();
        start_engine_after(&mut server, [(&engine, &away), (&foreign, &engine)]);
        let list = ["dead-letters", "list", "--json", "--app", "demo", "--master-key", &master_key];
        until("the IM core follows the wrong engine", || !server.hookd(&list).status.success());
        until("the log names the app", || server.log().contains("does not serve this app any more"));

        start_engine_after(&mut server, [(&engine, &foreign), (&away, &engine)]);
        until("the IM core follows the right engine again", || server.hookd(&list).status.success());
        assert_eq!(server.hookd_ok(&list).lines().count(), 3);
        // The app goes on.
        server.play_with("chatter", &["2"]);
        letters_until(&server, 5);
    }
}

/// F-13: every installation has an app `demo`, and they are different apps.
#[test]
fn an_app_of_the_same_id_on_another_engine_gets_nothing_of_the_first_one() {
    for shape in [Shape::OverTcp, Shape::OneProcess] {
        let (mut server, _recorder) = server_with_letters_as(shape);
        let mut other = Server::start_as(shape);
        // An engine keeps one app at least.
        other.hookd_ok(&["apps", "create", "shop"]);
        let foreign_key = other.key("master_key").to_owned();
        other.kill();
        let [engine, away] = ["engine", "engine-away"].map(|name| server.data().join(name));
        let foreign = other.data().join("engine");

        let master_key = server.key("master_key").to_owned();
        start_engine_after(&mut server, [(&engine, &away), (&foreign, &engine)]);
        until("the log names the app", || server.log().contains("which was created at another time"));
        for key in [&foreign_key, &master_key] {
            let list = ["dead-letters", "list", "--json", "--app", "demo", "--master-key", key];
            assert!(!server.hookd(&list).status.success());
        }
        // Of the other app, which is not served here.
        server.hookd_ok(&["apps", "delete", "demo"]);
        assert_eq!(kept_letters(&server), 3);

        start_engine_after(&mut server, [(&engine, &foreign), (&away, &engine)]);
        let list = ["dead-letters", "list", "--json", "--app", "demo", "--master-key", &master_key];
        until("the IM core follows the right engine again", || server.hookd(&list).status.success());
        assert_eq!(server.hookd_ok(&list).lines().count(), 3);
    }
}

/// F-13: what an engine has lost is deleted on the operator's word alone.
#[test]
fn data_of_an_app_that_its_engine_has_lost_can_be_deleted() {
    for shape in [Shape::OverTcp, Shape::OneProcess] {
        let (mut server, _recorder) = server_with_letters_as(shape);
        server.hookd_ok(&["apps", "create", "shop"]);
        let delete_lost = ["apps", "delete", "demo", "--lost"];
        assert_refused(&server.hookd(&delete_lost), &["the engine has the app `demo`", "without `--lost`"]);

        let mut other = Server::start_as(shape);
        other.hookd_ok(&["apps", "create", "shop"]);
        other.hookd_ok(&["apps", "delete", "demo"]);
        other.kill();
        let [engine, away] = ["engine", "engine-away"].map(|name| server.data().join(name));
        let foreign = other.data().join("engine");
        let admin_key = server.key("admin_key").to_owned();
        if shape != Shape::OneProcess {
            server.processes().kill_engine();
            let refused = server.hookd(&delete_lost);
            assert_eq!(refused.status.code(), Some(2), "an engine that is away may have it");
            server.start_engine();
        }
        start_engine_after(&mut server, [(&engine, &away), (&foreign, &engine)]);
        until("the log names the app", || server.log().contains("does not serve this app any more"));
        assert_refused(&server.hookd(&["apps", "delete", "demo"]), &["does not have the app `demo`", "--lost"]);
        assert_refused(&server.hookd(&[&delete_lost[..], &["--admin-key", "a-wrong-key"]].concat()), &["admin key"]);
        assert_eq!(kept_letters(&server), 3);
        let deleted = server.hookd_ok(&[&delete_lost[..], &["--admin-key", &admin_key]].concat());
        assert!(deleted.contains("`demo` is deleted"), "{deleted}");
        assert_eq!(kept_letters(&server), 0);
    }
}

/// F-13: what is said while the IM core is down is heard later.
#[test]
fn a_deletion_while_the_im_core_is_down_is_applied_when_it_is_back() {
    for shape in [Shape::OverTcp, Shape::OneProcess] {
        let (mut server, _recorder) = server_with_letters();
        server.hookd_ok(&["apps", "create", "shop"]);
        let engine = server.connection()["engine"].as_str().unwrap().to_owned();
        server.processes().stop_front();
        server.hookd_ok(&["apps", "delete", "demo", "--url", &engine]);
        assert_eq!(kept_letters(&server), 3);
        if shape == Shape::OneProcess {
            server.processes().stop_engine();
            server.processes().wait_for_engine();
            server.start_again_as(shape);
        } else {
            server.start_front();
        }
        until("its dead letters are gone", || kept_letters(&server) == 0);
    }
}

/// The dead letters of `demo`, whether or not it exists.
fn kept_letters(server: &Server) -> u64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = Connection::open_with_flags(server.data().join("im.db"), flags).unwrap();
    database.query_row("SELECT count(*) FROM dead_letters WHERE app = 'demo'", [], |row| row.get(0)).unwrap()
}
