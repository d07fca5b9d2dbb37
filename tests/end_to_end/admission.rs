//! Who may log in at all.

use serde_json::Value;

use crate::harness::Server;

#[test]
fn banned_clients_and_apps_that_are_off_in_the_newest_client() {
    who_may_log_in("5.0.0-rc.8");
}

#[test]
fn banned_clients_and_apps_that_are_off_in_the_old_client() {
    who_may_log_in("4.3.1");
}

fn who_may_log_in(sdk: &str) {
    Server::start().play_obliging("admission", &[sdk], &mut |server, asked, argument| {
        match asked {
            "ban" => drop(server.hookd_ok(&["clients", "ban", argument, "--for", "1day"])),
            "unban" => drop(server.hookd_ok(&["clients", "unban", argument])),
            "switch" => drop(server.hookd_ok(&["settings", "--im", argument])),
            "allow" => drop(server.hookd_ok(&["settings", "--allowed-origins", argument])),
            unknown => panic!("the scene asks for `{unknown}`"),
        }
        Value::Null
    });
}

#[test]
fn so_many_clients_a_day_in_the_newest_client() {
    Server::start().play_with("daily_users", &["5.0.0-rc.8"]);
}

#[test]
fn so_many_clients_a_day_in_the_old_client() {
    Server::start().play_with("daily_users", &["4.3.1"]);
}

#[test]
fn bans_are_listed_in_parts_and_taken_back() {
    let server = Server::start();
    let nobody = server.hookd(&["clients", "list"]);
    assert!(nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("no client is banned"));
    // Ids may hold any characters.
    let banned = server.hookd_ok(&["clients", "ban", "tom", "../a?b&c=d", "--for", "1day"]);
    assert_eq!(banned.lines().count(), 2, "{banned}");
    server.hookd_ok(&["clients", "ban", "jerry\n\u{1b}[2J"]);
    let list = server.hookd_ok(&["clients", "list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 4, "{list}");
    assert!(lines[1].starts_with("../a?b&c=d  "), "{list}");
    assert!(lines[2].starts_with(r#""jerry\n\u{1b}[2J""#) && lines[2].ends_with("for ever"), "{list}");
    let page = server.hookd_ok(&["clients", "list", "--after", "../a?b&c=d", "--limit", "1", "--json"]);
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((&page["client"], &page["until"]), (&Value::from("jerry\n\u{1b}[2J"), &Value::Null));
    server.hookd_ok(&["clients", "unban", "../a?b&c=d", "jerry\n\u{1b}[2J"]);
    assert_eq!(server.hookd_ok(&["clients", "list"]).lines().count(), 2);

    for (arguments, word) in [
        (&["clients", "unban", "spike"][..], "not banned: spike"),
        (&["clients", "ban", ""], "1 to 64 characters"),
        (&["clients", "ban", "spike", "--for", "10ms"], "a second at least"),
        (&["clients", "ban", "spike", "--for", "1000years"], "leave it out"),
        (&["settings", "--allowed-origins", "https://a.example.org/path"], "is not an origin"),
    ] {
        let refused = server.hookd(arguments);
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && text.contains(word), "{arguments:?}: {text}");
    }
}
