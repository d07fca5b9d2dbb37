//! `hookd new --lang python`.

use std::fs;
use std::path::Path;

use crate::{BuildError, ProjectError};

/// A hook, as a new project shows it.
struct Template {
    hook: &'static str,
    /// What its function does.
    body: &'static str,
    sample: &'static str,
}

const MEMBERS: &str = r#"{ "initBy": "Tom", "members": ["Jerry"], "convId": "64f0c0ffee0000000000a001" }"#;

const TEMPLATES: [Template; 14] = [
    Template {
        hook: "_messageReceived",
        body: "print(params[\"fromPeer\"], \"writes to\", params[\"toPeers\"])\n    return {\"content\": \
               params[\"content\"].replace(\"darn\", \"****\")}",
        sample: r#"{ "fromPeer": "Tom", "convId": "64f0c0ffee0000000000a001", "toPeers": ["Jerry"], "transient": false, "bin": false, "content": "darn!", "receipt": false, "timestamp": 1700000000000, "system": null, "sourceIP": "203.0.113.7" }"#,
    },
    Template {
        hook: "_messageSent",
        body: "print(params[\"msgId\"], \"was sent to\", params[\"onlinePeers\"])",
        sample: r#"{ "fromPeer": "Tom", "convId": "64f0c0ffee0000000000a001", "msgId": "m1", "onlinePeers": ["Jerry"], "offlinePeers": [], "transient": false, "bin": false, "content": "hi", "receipt": false, "timestamp": 1700000000000, "sourceIP": "203.0.113.7" }"#,
    },
    Template {
        hook: "_messageUpdate",
        body: "print(params[\"fromPeer\"], \"changes\", params[\"msgId\"])\n    return {}",
        sample: r#"{ "fromPeer": "Tom", "convId": "64f0c0ffee0000000000a001", "toPeers": ["Jerry"], "bin": false, "content": "hi", "timestamp": 1700000000000, "msgId": "m1", "recall": false, "sourceIP": "203.0.113.7" }"#,
    },
    Template {
        hook: "_receiversOffline",
        body: "print(\"away:\", params[\"offlinePeers\"])\n    return {}",
        sample: r#"{ "fromPeer": "Tom", "convId": "64f0c0ffee0000000000a001", "offlinePeers": ["Jerry"], "content": "hi", "timestamp": 1700000000000, "mentionAll": false, "mentionOfflinePeers": [] }"#,
    },
    Template {
        hook: "_conversationStart",
        body: "print(params[\"initBy\"], \"begins with\", params[\"members\"])\n    return {}",
        sample: r#"{ "initBy": "Tom", "members": ["Tom", "Jerry"], "attr": { "name": "Cat & Mouse" } }"#,
    },
    Template {
        hook: "_conversationStarted",
        body: "print(params[\"convId\"], \"exists\")",
        sample: r#"{ "convId": "64f0c0ffee0000000000a001" }"#,
    },
    Template {
        hook: "_conversationAdd",
        body: "print(params[\"initBy\"], \"adds\", params[\"members\"])\n    return {}",
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationAdded",
        body: "print(params[\"initBy\"], \"added\", params[\"members\"])",
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationRemove",
        body: "print(params[\"initBy\"], \"removes\", params[\"members\"])\n    return {}",
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationRemoved",
        body: "print(params[\"initBy\"], \"removed\", params[\"members\"])",
        sample: MEMBERS,
    },
    Template {
        hook: "_conversationUpdate",
        body: "print(params[\"initBy\"], \"changes\", params[\"convId\"])\n    return {}",
        sample: r#"{ "initBy": "Tom", "convId": "64f0c0ffee0000000000a001", "attr": { "name": "Cat & Mouse" } }"#,
    },
    Template {
        hook: "_clientOnline",
        body: "print(params[\"peerId\"], \"came\")",
        sample: r#"{ "peerId": "Tom", "sourceIP": "203.0.113.7" }"#,
    },
    Template {
        hook: "_clientOffline",
        body: "print(params[\"peerId\"], \"went with code\", params[\"closeCode\"])",
        sample: r#"{ "peerId": "Tom", "closeCode": 1, "closeMsg": "logged out", "sourceIP": "203.0.113.7" }"#,
    },
    Template {
        hook: "_rtmClientSign",
        body: "print(\"user\", params[\"objectId\"], \"asks to sign in\")\n    return {\"result\": True}",
        sample: r#"{ "objectId": "64f0c0ffee0000000000a002", "username": "Tom", "sessionToken": "a-session-token" }"#,
    },
];

/// Writes a project with one hook.
///
/// # Errors
/// [`BuildError::Project`] when the folder is not empty, or no such hook is known.
pub fn new_project(folder: &Path, hook: &str) -> Result<(), BuildError> {
    let template = TEMPLATES.iter().find(|template| template.hook == hook).ok_or_else(|| {
        let known: Vec<_> = TEMPLATES.iter().map(|template| template.hook).collect();
        ProjectError::new(format!("no template exists for the hook `{hook}`"))
            .hint(format!("known: {}", known.join(", ")))
    })?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let problem = format!("the folder `{}` is not empty", folder.display());
        return Err(ProjectError::new(problem).hint("give the name of a new folder").into());
    }
    let Template { body, sample, .. } = template;
    let name = folder.file_name().map_or_else(|| "hooks".into(), |name| name.to_string_lossy());
    let files = [
        (
            "cloud.py",
            format!(
                "\"\"\"Hooks of this app: each is named by its function.\"\"\"\n\nfrom leancloud import Engine\n\nengine = \
                 Engine()\n\n\n@engine.define\ndef {hook}(**params):\n    {body}\n"
            ),
        ),
        ("requirements.txt", "# Packages of pure Python. hookd itself has leancloud, redis and requests.\n".to_owned()),
        ("sample.json", format!("{sample}\n")),
        (
            "README.md",
            format!(
                "# {name}\n\nHooks for hookd, in Python.\n\n```\nhookd deploy --prod         # build, upload, go live\nhookd \
                 invoke {hook} --params sample.json\n```\n"
            ),
        ),
        (".gitignore", "/target\n__pycache__\n".to_owned()),
    ];
    fs::create_dir_all(folder).map_err(BuildError::file("create", folder))?;
    for (file, text) in files {
        let path = folder.join(file);
        fs::write(&path, text).map_err(BuildError::file("write", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hook_has_a_project_with_a_sample() {
        for Template { hook, .. } in &TEMPLATES {
            let folder = tempfile::tempdir().unwrap();
            new_project(folder.path(), hook).unwrap();
            let sample = fs::read(folder.path().join("sample.json")).unwrap();
            serde_json::from_slice::<serde_json::Value>(&sample).expect(hook);
            assert!(fs::read_to_string(folder.path().join("cloud.py")).unwrap().contains(&format!("def {hook}(")));
        }
    }

    #[test]
    fn a_folder_with_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cloud.py"), "mine").unwrap();
        assert!(new_project(folder.path(), "_messageReceived").unwrap_err().to_string().contains("is not empty"));
        assert_eq!(fs::read_to_string(folder.path().join("cloud.py")).unwrap(), "mine");
    }
}
