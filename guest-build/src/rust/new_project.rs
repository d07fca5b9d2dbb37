//! A new hook project.

use std::fs;
use std::path::Path;

use super::sdk;
use crate::{BuildError, ProjectError};

/// The files of a new project with one hook.
struct Template {
    /// Reserved name.
    hook: &'static str,
    /// The function in the source.
    function: &'static str,
    /// Begin of the SDK's type names.
    types: &'static str,
    /// Constructor of the reply that changes nothing; empty for notification hooks.
    pass: &'static str,
    /// A line for the log.
    note: &'static str,
    /// Params to try it with.
    sample: &'static str,
}

const MESSAGE: &str = r#"{
  "fromPeer": "Tom",
  "convId": "64f0c0ffee0000000000a001",
  "toPeers": ["Jerry"],
  "transient": false,
  "bin": false,
  "content": "{\"_lctype\":-1,\"_lctext\":\"hi\"}",
  "receipt": false,
  "timestamp": 1700000000123,
  "system": null,
  "sourceIP": "203.0.113.7",
  "groupId": null
}
"#;

const MEMBERS: &str = r#"{
  "initBy": "Tom",
  "members": ["Jerry"],
  "convId": "64f0c0ffee0000000000a001"
}
"#;

const TEMPLATES: [Template; 14] = [
    Template {
        hook: "_messageReceived",
        function: "message_received",
        types: "MessageReceived",
        pass: "pass",
        note: r#"println!("a message from {} in {}", params.from_peer, params.conv_id);"#,
        sample: MESSAGE,
    },
    Template {
        hook: "_messageSent",
        function: "message_sent",
        types: "MessageSent",
        pass: "",
        note: r#"println!("message {} was delivered", params.msg_id);"#,
        sample: r#"{
  "fromPeer": "Tom",
  "convId": "64f0c0ffee0000000000a001",
  "msgId": "q2sXr0yJQeC5m1d8nB7v_A",
  "onlinePeers": ["Jerry"],
  "offlinePeers": [],
  "transient": false,
  "bin": false,
  "content": "hi",
  "receipt": false,
  "timestamp": 1700000000123,
  "sourceIP": "203.0.113.7"
}
"#,
    },
    Template {
        hook: "_receiversOffline",
        function: "receivers_offline",
        types: "ReceiversOffline",
        pass: "pass",
        note: r#"println!("offline: {:?}", params.offline_peers);"#,
        sample: r#"{
  "fromPeer": "Tom",
  "convId": "64f0c0ffee0000000000a001",
  "offlinePeers": ["Jerry"],
  "content": "hi",
  "timestamp": 1700000000123,
  "mentionAll": false,
  "mentionOfflinePeers": []
}
"#,
    },
    Template {
        hook: "_messageUpdate",
        function: "message_update",
        types: "MessageUpdate",
        pass: "pass",
        note: r#"println!("{} changes message {}", params.from_peer, params.msg_id);"#,
        sample: r#"{
  "fromPeer": "Tom",
  "convId": "64f0c0ffee0000000000a001",
  "toPeers": ["Jerry"],
  "bin": false,
  "content": "hi again",
  "timestamp": 1700000000123,
  "msgId": "q2sXr0yJQeC5m1d8nB7v_A",
  "sourceIP": "203.0.113.7",
  "recall": false,
  "system": null
}
"#,
    },
    Template {
        hook: "_conversationStart",
        function: "conversation_start",
        types: "ConversationStart",
        pass: "pass",
        note: r#"println!("{} invites {:?}", params.init_by, params.members);"#,
        sample: r#"{
  "initBy": "Tom",
  "members": ["Jerry", "Tom"],
  "attr": { "name": "Tom & Jerry" }
}
"#,
    },
    Template {
        hook: "_conversationStarted",
        function: "conversation_started",
        types: "ConversationStarted",
        pass: "",
        note: r#"println!("conversation {} began", params.conv_id);"#,
        sample: "{ \"convId\": \"64f0c0ffee0000000000a001\" }\n",
    },
    Template {
        hook: "_conversationAdd",
        function: "conversation_add",
        types: "ConversationAdd",
        pass: "pass",
        note: r#"println!("{} adds {:?}", params.init_by, params.members);"#,
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationAdded",
        function: "conversation_added",
        types: "ConversationAdded",
        pass: "",
        note: r#"println!("{} added {:?}", params.init_by, params.members);"#,
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationRemove",
        function: "conversation_remove",
        types: "ConversationRemove",
        pass: "pass",
        note: r#"println!("{} removes {:?}", params.init_by, params.members);"#,
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationRemoved",
        function: "conversation_removed",
        types: "ConversationRemoved",
        pass: "",
        note: r#"println!("{} removed {:?}", params.init_by, params.members);"#,
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationUpdate",
        function: "conversation_update",
        types: "ConversationUpdate",
        pass: "pass",
        note: r#"println!("{} changes conversation {}", params.init_by, params.conv_id);"#,
        sample: r#"{
  "initBy": "Tom",
  "convId": "64f0c0ffee0000000000a001",
  "attr": { "name": "Cat & Mouse" }
}
"#,
    },
    Template {
        hook: "_clientOnline",
        function: "client_online",
        types: "ClientOnline",
        pass: "",
        note: r#"println!("{} came", params.peer_id);"#,
        sample: "{ \"peerId\": \"Tom\", \"sourceIP\": \"203.0.113.7\" }\n",
    },
    Template {
        hook: "_clientOffline",
        function: "client_offline",
        types: "ClientOffline",
        pass: "",
        note: r#"println!("{} went with code {}", params.peer_id, params.close_code);"#,
        sample: "{ \"peerId\": \"Tom\", \"closeCode\": 1, \"closeMsg\": \"logged out\", \"sourceIP\": \"203.0.113.7\" }\n",
    },
    Template {
        hook: "_rtmClientSign",
        function: "client_sign",
        types: "ClientSign",
        pass: "allow",
        note: r#"println!("user {} asks to sign in", params.object_id);"#,
        sample: r#"{
  "objectId": "64f0c0ffee0000000000a002",
  "username": "Tom",
  "emailVerified": true,
  "mobilePhoneVerified": false,
  "sessionToken": "a-session-token",
  "createdAt": "2023-11-14T22:13:20.000Z",
  "updatedAt": "2023-11-14T22:13:20.123Z"
}
"#,
    },
];

/// Params to try a hook with.
pub(crate) fn sample(hook: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|template| template.hook == hook).map(|template| template.sample)
}

/// Writes a project with one hook. The SDK's sources go into the user's data folder, `data`.
///
/// # Errors
/// [`BuildError::Project`] when the folder is not empty, or its name or the hook's will not do.
pub fn new_project(folder: &Path, hook: &str, data: &Path) -> Result<(), BuildError> {
    let template = TEMPLATES.iter().find(|template| template.hook == hook).ok_or_else(|| {
        let known: Vec<_> = TEMPLATES.iter().map(|template| template.hook).collect();
        ProjectError::new(format!("no template exists for the hook `{hook}`"))
            .hint(format!("known: {}", known.join(", ")))
    })?;
    let name = crate_name(folder)?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let problem = format!("the folder `{}` is not empty", folder.display());
        return Err(ProjectError::new(problem).hint("give the name of a new folder").into());
    }
    let sdk = sdk::unpack(data)?;
    let files = [
        ("Cargo.toml", manifest(&name, &sdk)),
        ("src/lib.rs", source(template)),
        ("sample.json", template.sample.to_owned()),
        ("README.md", readme(&name, template)),
        (".gitignore", "/target\n".to_owned()),
    ];
    fs::create_dir_all(folder.join("src")).map_err(BuildError::file("create", folder))?;
    for (file, text) in files {
        let path = folder.join(file);
        fs::write(&path, text).map_err(BuildError::file("write", &path))?;
    }
    Ok(())
}

/// Words of the language (edition 2024) that no crate can be named by.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen \
    if impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof \
    unsafe unsized use virtual where while yield";

/// Crates of the language's own library.
const LIBRARY: [&str; 5] = ["std", "core", "alloc", "test", "proc_macro"];

fn crate_name(folder: &Path) -> Result<String, ProjectError> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !starts_well || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')) {
        return Err(ProjectError::new(format!("`{}` does not name a project", folder.display()))
            .hint("use letters, digits, `-` and `_`, beginning with a letter, e.g. my-hooks"));
    }
    // Two folders of a target may not differ by case alone everywhere.
    let crate_name = name.replace('-', "_").to_ascii_lowercase();
    let taken_by = if KEYWORDS.split_whitespace().any(|keyword| keyword == crate_name) {
        "is a word of Rust"
    } else if LIBRARY.contains(&crate_name.as_str()) {
        "is a crate of Rust's own library"
    } else if sdk::crate_names().iter().any(|taken| taken.replace('-', "_") == crate_name) {
        "is a crate that every hook project needs"
    } else {
        return Ok(name.to_owned());
    };
    Err(ProjectError::new(format!("a project cannot be named `{name}`: that {taken_by}"))
        .hint("give the folder another name, e.g. my-hooks"))
}

fn manifest(name: &str, sdk: &Path) -> String {
    let sdk = toml::Value::from(sdk.display().to_string());
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
hook-sdk = {{ path = {sdk} }}

# A project of its own, also inside another workspace's folder.
[workspace]
"#
    )
}

fn source(template: &Template) -> String {
    let Template { hook, function, types, pass, note, .. } = template;
    let (reply, answer) = match *pass {
        "" => ("()".to_owned(), "Ok(())".to_owned()),
        pass => (format!("{types}Reply"), format!("Ok({types}Reply::{pass}())")),
    };
    format!(
        r#"//! Hooks of this app: one annotated function each; the type of the params says which hook it is.

use hook_sdk::prelude::*;

#[hook]
fn {function}(params: {types}Params) -> Result<{reply}> {{
    {note}
    {answer}
}}

#[cfg(test)]
mod tests {{
    use hook_sdk::{{Context, call}};

    #[test]
    fn answers_the_sample() {{
        let sample = include_str!("../sample.json");
        let reply = call("{hook}", sample, &Context::default());
        assert_eq!(reply.as_deref(), Ok("{expected}"));
    }}
}}
"#,
        expected = if *pass == "allow" { r#"{\"result\":true}"# } else { "{}" },
    )
}

fn readme(name: &str, template: &Template) -> String {
    format!(
        "# {name}\n\nHooks for hookd, in Rust.\n\n```\ncargo test                  # on this machine\nhookd deploy --prod         # build, upload, go \
         live\nhookd invoke {} --params sample.json\n```\n",
        template.hook
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_the_crate() {
        assert_eq!(crate_name(Path::new("some/where/my-hooks")).unwrap(), "my-hooks");
        for folder in ["", "..", "9lives", "my hooks", "ünlaut", "a.b"] {
            assert!(crate_name(Path::new(folder)).is_err(), "{folder}");
        }
    }

    /// F-41.
    #[test]
    fn no_project_has_a_name_that_cannot_be_built() {
        for folder in [
            "hook-sdk",
            "hook_sdk",
            "Hook-SDK",
            "hook-sdk-macros",
            "hook-types",
            "serde",
            "serde_json",
            "inventory",
            "talc",
            "wit-bindgen",
            "std",
            "core",
            "alloc",
            "test",
            "proc-macro",
            "fn",
            "self",
            "Self",
            "async",
            "gen",
            "type",
        ] {
            let refused = crate_name(Path::new(folder)).unwrap_err();
            assert!(refused.to_string().contains(&format!("`{folder}`")), "{refused}");
        }
        for folder in ["hook-sdk-2", "my-core", "functions", "unionised", "hookd"] {
            assert!(crate_name(Path::new(folder)).is_ok(), "{folder}");
        }
    }

    #[test]
    fn samples_are_json() {
        for template in &TEMPLATES {
            serde_json::from_str::<serde_json::Value>(template.sample).expect(template.hook);
        }
    }

    #[test]
    fn manifest_survives_any_path() {
        let manifest: toml::Table = manifest("hooks", Path::new(r#"/odd "path"\here"#)).parse().unwrap();
        assert_eq!(manifest["dependencies"]["hook-sdk"]["path"].as_str(), Some(r#"/odd "path"\here"#));
    }
}
