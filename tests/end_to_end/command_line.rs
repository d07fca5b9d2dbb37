//! The commands as a user meets them: help, output, exit codes, and errors that name cause and fix.

use std::path::Path;

use crate::harness::{MESSAGE, Server, assert_refused, code, hookd_in, module, stderr, stdout};

const DONE: i32 = 0;
const INPUT_AT_FAULT: i32 = 1;

#[test]
fn every_command_has_help_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    let commands = "up,engine,im,new,types,build,dev,deploy,publish,rollback,releases,releases show,env,env set,env unset,env list,\
                    invoke,logs,top,settings,cache,apps,apps create,apps list,apps rotate-key,apps delete,switch,info,\
                    backup,config,config show,config template,doctor,completions,dead-letters,dead-letters list,\
                    dead-letters retry,dead-letters drop,migrate scan";
    for command in commands.split(',') {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        let help = hookd_in(folder.path(), &arguments);
        assert_eq!(code(&help), DONE);
        let text = stdout(&help);
        assert!(text.contains("Example"), "`{command} --help` shows no example:\n{text}");
        assert!(text.contains(&format!("hookd {command}")), "`{command} --help` shows no call of itself:\n{text}");
    }
    assert_eq!(code(&hookd_in(folder.path(), &["--help"])), DONE);
    assert!(stdout(&hookd_in(folder.path(), &["--version"])).starts_with("hookd "));
}

#[test]
fn wrong_arguments_are_the_inputs_fault() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&hookd_in(folder.path(), &["depoly"]), &["depoly", "deploy"]);
    assert_refused(
        &hookd_in(folder.path(), &["settings", "--on-hook-failure", "maybe"]),
        &["maybe", "ignore", "abort"],
    );
    assert_refused(&hookd_in(folder.path(), &["settings", "--blocking-hook-timeout", "soon"]), &["soon"]);
}

/// F-37
#[test]
fn values_beyond_all_bounds_are_taken_or_refused_and_nothing_panics() {
    let server = Server::start();
    let durations =
        ["99999999999d", "9999999999999y", "18446744073709551615s", "99999999999999999999999s", "0s", "1ns"];
    let sizes = ["0", "18446744073709551615", "18446744073709551616", "99999999999GiB", "-1", "1e9"];
    let times = ["0000-01-01", "1969-12-31T23:59:59Z", "9999-12-31T23:59:60Z", "10000-01-01", "2026-02-30"];
    let counts = ["0", "4294967295", "4294967296", "18446744073709551615", "99999999999999999999", "-1"];
    let flags: [(&[&str], &[&str]); 19] = [
        (&["logs", "--since"], &durations),
        (&["logs", "--until"], &durations),
        (&["logs", "--since"], &times),
        (&["logs", "--until"], &times),
        (&["logs", "-n"], &counts),
        (&["settings", "--blocking-hook-timeout"], &durations),
        (&["settings", "--notification-hook-timeout"], &durations),
        (&["settings", "--hook-breaker-cool-down"], &durations),
        (&["settings", "--notification-retry"], &durations),
        (&["settings", "--notification-max-age"], &durations),
        (&["settings", "--notification-queue-limit"], &counts),
        (&["settings", "--dead-letter-limit"], &counts),
        (&["settings", "--hook-breaker-failures"], &counts),
        (&["releases", "--limit"], &counts),
        (&["rollback"], &counts),
        (&["dead-letters", "drop"], &counts),
        (&["config", "show", "up", "--log-bytes-per-app"], &sizes),
        (&["config", "show", "up", "--log-age"], &durations),
        (&["config", "show", "up", "--guest-memory"], &sizes),
    ];
    let prefixed = [
        ("--hook-timeout", "_messageReceived=", durations),
        ("--limit", "deadline_ms=", durations),
        ("--limit", "memory_bytes=", sizes),
        ("--limit", "concurrency=", counts),
        ("--function-limit", "hello:cpu_time_ms=", durations),
        ("--max-limit", "memory_bytes=", sizes),
        ("--max-limit", "queue=", counts),
    ];
    let plain = flags.iter().flat_map(|(flag, values)| values.iter().map(|value| (*flag, (*value).to_owned())));
    let plain = plain.map(|(flag, value)| (flag.join(" "), value));
    let prefixed = prefixed.iter().flat_map(|(flag, prefix, values)| {
        values.iter().map(move |value| (format!("settings {flag}"), format!("{prefix}{value}")))
    });
    let all = plain.chain(prefixed).map(|(command, value)| {
        let mut arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
        arguments.push(value);
        arguments
    });
    for arguments in all {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = server.hookd(&arguments);
        let text = stderr(&output);
        assert!([DONE, INPUT_AT_FAULT].contains(&code(&output)), "hookd {}: {text}", arguments.join(" "));
        assert!(!text.contains("panicked"), "hookd {}: {text}", arguments.join(" "));
    }
    server.hookd_ok(&["settings"]);
}

#[test]
fn a_server_takes_the_longest_age_of_its_log() {
    let server = Server::start_with(&["--log-age", "99999999999d", "--log-bytes-per-app", "18446744073709551615"]);
    server.deploy("log-flood");
    server.hookd_ok(&["invoke", "hello"]);
    server.hookd_ok(&["logs", "--since", "99999999999d"]);
}

#[test]
fn without_a_server_the_error_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(&hookd_in(folder.path(), &["settings"]), &["hint:", "hookd up"]);
    let stopped = ["settings", "--url", "http://127.0.0.1:1", "--app", "demo", "--master-key", "key-of-nobody"];
    assert_refused(&hookd_in(folder.path(), &stopped), &["no server answers", "127.0.0.1:1", "hookd up"]);
}

#[test]
fn wrong_master_key_is_refused() {
    let server = Server::start();
    assert_refused(&server.hookd(&["settings", "--master-key", "wrong-key"]), &["demo", "--master-key"]);
    assert_refused(&server.hookd(&["settings", "--app", "nobody", "--master-key", "wrong-key"]), &["nobody"]);
}

#[test]
fn second_server_on_a_data_folder_is_refused() {
    let server = Server::start();
    assert_refused(&server.hookd(&["up", "--listen", "127.0.0.1:0"]), &["another", "--data"]);
}

#[test]
fn port_in_use_is_named() {
    let server = Server::start();
    let address = server.connection()["url"].as_str().unwrap().trim_start_matches("http://");
    let other = tempfile::tempdir().unwrap();
    assert_refused(&hookd_in(other.path(), &["up", "--listen", address]), &[address, "--listen"]);
}

#[test]
fn settings_are_shown_changed_and_kept() {
    let mut server = Server::start();
    let settings = |server: &Server, arguments: &[&str]| -> serde_json::Value {
        let mut all = vec!["settings", "--json"];
        all.extend(arguments);
        serde_json::from_str(&server.hookd_ok(&all)).unwrap()
    };
    assert_eq!(settings(&server, &[])["on_hook_failure"], "ignore");
    let changed = settings(&server, &["--on-hook-failure", "abort", "--blocking-hook-timeout", "2s"]);
    assert_eq!(changed["on_hook_failure"], "abort");
    assert_eq!(changed["blocking_hook_timeout_ms"], 2_000);
    settings(&server, &["--hook-timeout", "_messageReceived=300ms"]);
    settings(&server, &["--hook-policy", "_messageReceived=ignore", "--hook-policy", ":overloaded=ignore"]);
    settings(&server, &["--hook-policy", "_messageReceived=default", "--hook-policy", "_conversationAdd:trap=abort"]);
    settings(&server, &["--hook-breaker-failures", "20", "--hook-breaker-cool-down", "2s"]);

    server.kill();
    server.start_again();
    let kept = settings(&server, &[]);
    assert_eq!(kept["on_hook_failure"], "abort");
    assert_eq!(kept["blocking_hook_timeout_ms"], 2_000);
    assert_eq!(kept["hook_timeouts_ms"]["_messageReceived"], 300);
    let policies = serde_json::json!({":overloaded": "ignore", "_conversationAdd:trap": "abort"});
    assert_eq!(kept["hook_failure_policies"], policies);
    assert_eq!((&kept["hook_breaker_failures"], &kept["hook_breaker_cool_down_ms"]), (&20.into(), &2_000.into()));
    assert_refused(&server.hookd(&["settings", "--blocking-hook-timeout", "1min"]), &["15000"]);
    assert_refused(
        &server.hookd(&["settings", "--hook-policy", "_messageReceived:slow=abort"]),
        &["`slow`", "`timeout`"],
    );
    assert_refused(&server.hookd(&["settings", "--hook-policy", "_messageSent=abort"]), &["`_messageSent`"]);
    assert_refused(&server.hookd(&["settings", "--hook-policy", ":timeout=stop"]), &["stop", "abort"]);
}

#[test]
fn limits_are_shown_changed_applied_and_kept() {
    let mut server = Server::with_module("word-filter");
    let limits = |server: &Server, arguments: &[&str]| -> serde_json::Value {
        let mut all = vec!["settings", "--json"];
        all.extend(arguments);
        serde_json::from_str::<serde_json::Value>(&server.hookd_ok(&all)).unwrap()["limits"].clone()
    };
    let before = limits(&server, &[]);
    assert_eq!(before["deadline_ms"], 15_000);
    let changed = limits(&server, &["--limit", "memory_bytes=64MiB", "--limit", "deadline_ms=2s"]);
    assert_eq!(changed["memory_bytes"], 64 << 20);
    assert_eq!(changed["deadline_ms"], 2_000);
    assert_eq!(changed["concurrency"], before["concurrency"]);
    assert!(server.hookd_ok(&["settings"]).contains("limits.deadline_ms = 2000"));

    assert_refused(&server.hookd(&["settings", "--limit", "memory=64MiB"]), &["`memory`", "memory_bytes"]);
    assert_refused(&server.hookd(&["settings", "--limit", "deadline_ms=soon"]), &["deadline_ms", "500ms"]);
    // Refused as a whole: the policy beside it stays as it was.
    let both = ["settings", "--on-hook-failure", "abort", "--limit", "concurrency=0"];
    assert_refused(&server.hookd(&both), &["concurrency", "1 to 100000"]);
    assert!(server.hookd_ok(&["settings"]).contains("on_hook_failure = \"ignore\""));

    let params = write_params(&server.data());
    server.hookd_ok(&["settings", "--limit", "reply_bytes=4"]);
    let output = server.hookd(&["invoke", "_messageReceived", "--params", &params]);
    assert_eq!(code(&output), INPUT_AT_FAULT, "{}", stderr(&output));
    server.kill();
    server.start_again();
    let kept = limits(&server, &[]);
    assert_eq!((&kept["reply_bytes"], &kept["memory_bytes"]), (&4.into(), &(64 << 20).into()));
}

#[test]
fn deploy_publish_and_invoke() {
    let server = Server::start();
    let filter = module("word-filter");
    let filter = filter.to_str().unwrap();
    assert_refused(&server.hookd(&["publish"]), &["staging", "hookd deploy"]);

    let staged: serde_json::Value = serde_json::from_str(&server.hookd_ok(&["deploy", filter, "--json"])).unwrap();
    assert_eq!(staged["environment"], "staging");
    assert_eq!(staged["version"], 1);
    let params = write_params(&server.data());
    let invoke = |more: &[&str]| {
        let mut arguments = vec!["invoke", "_messageReceived", "--params", params.as_str()];
        arguments.extend(more);
        server.hookd(&arguments)
    };
    assert!(stdout(&invoke(&["--staging"])).contains("Holy **!"));
    assert_refused(&invoke(&[]), &["_messageReceived", "404"]);

    let text = server.hookd_ok(&["publish"]);
    assert!(text.contains("production") && text.contains("_messageReceived"), "{text}");
    let answer: serde_json::Value = serde_json::from_str(&stdout(&invoke(&["--json"]))).unwrap();
    assert_eq!(answer["status"], 200);
    assert!(answer["body"]["result"]["content"].as_str().unwrap().contains("Holy **!"));
    assert!(answer["milliseconds"].is_u64());
}

#[test]
fn invoke_refuses_params_that_are_not_json() {
    let server = Server::with_module("word-filter");
    let params = server.data().join("broken.json");
    std::fs::write(&params, "{").unwrap();
    let output = server.hookd(&["invoke", "_messageReceived", "--params", params.to_str().unwrap()]);
    assert_refused(&output, &["broken.json", "not JSON"]);
    assert_refused(&server.hookd(&["invoke", "_messageReceived", "--params", "/nowhere"]), &["/nowhere"]);
}

#[test]
fn new_project_builds_and_goes_live() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("first-hooks");
    let project = project.to_str().unwrap();
    server.hookd_ok(&["new", project]);
    let text = server.hookd_ok(&["deploy", project, "--prod"]);
    assert!(text.contains("_messageReceived"), "{text}");
    server.hookd_ok(&["invoke", "_messageReceived", "--params", &write_params(&server.data())]);
    assert_refused(&server.hookd(&["new", project]), &["first-hooks"]);
}

#[test]
fn project_with_a_compile_error_shows_it() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("broken-hooks");
    server.hookd_ok(&["new", project.to_str().unwrap()]);
    std::fs::write(project.join("src/lib.rs"), "fn broken( {").unwrap();
    assert_refused(&server.hookd(&["build", project.to_str().unwrap()]), &["src/lib.rs"]);
}

#[test]
fn folder_without_a_project_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = hookd_in(folder.path(), &["build", folder.path().to_str().unwrap()]);
    assert_refused(&output, &["Cargo.toml", "hookd new"]);
}

#[test]
fn the_types_of_hooks_are_written_into_a_project() {
    let folder = tempfile::tempdir().unwrap();
    for (language, file, declaration) in [
        ("typescript", "leanengine/index.d.ts", "declare module 'leanengine'"),
        ("js", "leanengine/hooks.d.ts", "interface MessageReceivedParams"),
        ("python", "hookd/hooks.pyi", "class MessageReceivedParams(TypedDict)"),
    ] {
        // Once more, over what is there.
        for _ in 0..2 {
            let output = hookd_in(folder.path(), &["types", language, "--output", &text(&folder.path().join("types"))]);
            assert_eq!(code(&output), DONE, "{}", stderr(&output));
        }
        let path = folder.path().join("types").join(file);
        assert!(std::fs::read_to_string(&path).unwrap().contains(declaration), "{file}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = hookd_in(folder.path(), &["types", "ts", "--output", &text(&folder.path().join("file"))]);
    assert_ne!(code(&output), DONE);
    assert!(stderr(&output).contains("file/leanengine"), "{}", stderr(&output));
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn write_params(folder: &Path) -> String {
    let params = folder.join("params.json");
    std::fs::write(&params, MESSAGE).unwrap();
    params.to_str().unwrap().to_owned()
}

#[test]
fn keys_are_not_printed_into_a_service_managers_log() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = crate::harness::hookd(&data);
    command.args(["up", "--listen", "127.0.0.1:0"]).stdin(std::process::Stdio::null());
    let mut server = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut printed = String::new();
    for line in std::io::BufRead::lines(std::io::BufReader::new(server.stdout.take().unwrap())) {
        printed += &line.unwrap();
        printed.push('\n');
        if printed.contains("Ctrl-C") {
            break;
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let connection = std::fs::read_to_string(data.join("connection.json")).unwrap();
    let connection: serde_json::Value = serde_json::from_str(&connection).unwrap();
    for key in ["master_key", "hook_key"] {
        assert!(!printed.contains(connection[key].as_str().unwrap()), "{printed}");
    }
    assert!(printed.contains("connection.json"), "{printed}");
}

/// F-40.
#[test]
fn a_public_url_that_no_client_can_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["im.example.org", "ftp://x", "https://", "", "https://u:p@im.example.org", "https://im.example.org?x"] {
        for command in ["up", "im"] {
            let refused = hookd_in(folder.path(), &[command, "--listen", "127.0.0.1:0", "--public-url", url]);
            assert_refused(&refused, &["--public-url"]);
        }
        let refused = hookd_in(folder.path(), &["up", "--listen", "127.0.0.1:0", "--api-server", url]);
        assert_eq!(code(&refused), INPUT_AT_FAULT, "{url}");
    }
    let refused = hookd_in(folder.path(), &["up", "--public-url", "im.example.org"]);
    assert_refused(&refused, &["https://im.example.org"]);
}

/// F-41.
#[test]
fn a_wrong_address_to_listen_on_is_refused_with_the_right_form() {
    let folder = tempfile::tempdir().unwrap();
    for (command, flag) in [("up", "--listen"), ("im", "--listen"), ("engine", "--listen"), ("up", "--metrics-listen")]
    {
        let refused = hookd_in(folder.path(), &[command, flag, "example.org:7410"]);
        assert_refused(&refused, &["127.0.0.1:7410", flag]);
    }
    for name in ["hook-sdk", "serde", "std", "fn"] {
        let project = folder.path().join(name);
        assert_refused(&hookd_in(folder.path(), &["new", project.to_str().unwrap()]), &[name, "my-hooks"]);
        assert!(!project.exists());
    }
    let file = folder.path().join("params.json");
    std::fs::write(&file, format!("\u{feff}{MESSAGE}")).unwrap();
    let server = Server::with_module("word-filter");
    server.hookd_ok(&["invoke", "_messageReceived", "--params", file.to_str().unwrap()]);
    std::fs::write(server.data().join("hookd.toml"), "\u{feff}log_age = '1day'\n").unwrap();
    assert!(server.hookd_ok(&["config", "show", "up"]).contains("1day"));
}
