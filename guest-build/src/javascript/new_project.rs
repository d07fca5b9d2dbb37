//! A new hook project in JavaScript or TypeScript. It builds without npm and without a network.

use std::fs;
use std::path::Path;

use crate::rust::sample;
use crate::types::TYPESCRIPT;
use crate::{BuildError, ProjectError};

/// A hook, as a new project shows it.
struct Template {
    hook: &'static str,
    /// The helper of `AV.Cloud` that registers it.
    helper: &'static str,
    /// What the handler writes to the log.
    note: &'static str,
    /// What it returns; empty for hooks whose reply is ignored.
    reply: &'static str,
}

const fn template(hook: &'static str, helper: &'static str, note: &'static str, reply: &'static str) -> Template {
    Template { hook, helper, note, reply }
}

const TEMPLATES: [Template; 14] = [
    template("_messageReceived", "onIMMessageReceived", "'a message from', params.fromPeer, 'in', params.convId", "{}"),
    template("_messageSent", "onIMMessageSent", "'message', params.msgId, 'was delivered'", ""),
    template("_receiversOffline", "onIMReceiversOffline", "'offline:', params.offlinePeers", "{}"),
    template("_messageUpdate", "onIMMessageUpdate", "params.fromPeer, 'changes message', params.msgId", "{}"),
    template("_conversationStart", "onIMConversationStart", "params.initBy, 'invites', params.members", "{}"),
    template("_conversationStarted", "onIMConversationStarted", "'conversation', params.convId, 'began'", ""),
    template("_conversationAdd", "onIMConversationAdd", "params.initBy, 'adds', params.members", "{}"),
    template("_conversationAdded", "onIMConversationAdded", "params.initBy, 'added', params.members", ""),
    template("_conversationRemove", "onIMConversationRemove", "params.initBy, 'removes', params.members", "{}"),
    template("_conversationRemoved", "onIMConversationRemoved", "params.initBy, 'removed', params.members", ""),
    template(
        "_conversationUpdate",
        "onIMConversationUpdate",
        "params.initBy, 'changes conversation', params.convId",
        "{}",
    ),
    template("_clientOnline", "onIMClientOnline", "params.peerId, 'came'", ""),
    template("_clientOffline", "onIMClientOffline", "params.peerId, 'went with code', params.closeCode", ""),
    template("_rtmClientSign", "onIMClientSign", "'user', params.objectId, 'asks to sign in'", "{ result: true }"),
];

/// The hook that a helper of `AV.Cloud` registers.
pub(super) fn hook_of_helper(helper: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|template| template.helper == helper).map(|template| template.hook)
}

/// Writes a project with one hook; in TypeScript if `typed`.
///
/// # Errors
/// The hook or the name is unknown or impossible, the folder holds something already, or a file cannot be written.
pub fn new_javascript_project(folder: &Path, hook: &str, typed: bool) -> Result<(), BuildError> {
    let template = TEMPLATES.iter().find(|template| template.hook == hook).ok_or_else(|| {
        let known: Vec<_> = TEMPLATES.iter().map(|template| template.hook).collect();
        ProjectError::new(format!("no template exists for the hook `{hook}`"))
            .hint(format!("known: {}", known.join(", ")))
    })?;
    let name = package_name(folder)?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let problem = format!("the folder `{}` is not empty", folder.display());
        return Err(ProjectError::new(problem).hint("give the name of a new folder").into());
    }
    let mut files = vec![
        ("package.json", manifest(&name, typed)),
        ("sample.json", sample(hook).unwrap_or("{}\n").to_owned()),
        ("README.md", readme(&name, hook, typed)),
        (".gitignore", "node_modules\n.hookd\n".to_owned()),
        (".leanignore", "README.md\nsample.json\ntsconfig.json\ntypes\n".to_owned()),
    ];
    if typed {
        files.push(("server.ts", SERVER_TYPESCRIPT.to_owned()));
        files.push(("cloud.ts", cloud_typescript(template)));
        files.push(("tsconfig.json", TSCONFIG.to_owned()));
    } else {
        files.push(("server.js", SERVER_JAVASCRIPT.to_owned()));
        files.push(("cloud.js", cloud_javascript(template)));
    }
    let types = TYPESCRIPT.iter().filter(|_| typed).map(|(file, text)| (format!("types/{file}"), (*text).to_owned()));
    let files = files.into_iter().map(|(file, text)| (file.to_owned(), text)).chain(types);
    for (file, text) in files {
        let path = folder.join(file);
        let inside = path.parent().unwrap_or(folder);
        fs::create_dir_all(inside).map_err(BuildError::file("create", inside))?;
        fs::write(&path, text).map_err(BuildError::file("write", &path))?;
    }
    Ok(())
}

fn package_name(folder: &Path) -> Result<String, ProjectError> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if !starts_well || !name.chars().all(is_plain) || name == "node_modules" {
        return Err(ProjectError::new(format!("`{}` does not name a project", folder.display()))
            .hint("use letters, digits, `-`, `_` and `.`, beginning with a letter or a digit, e.g. my-hooks"));
    }
    Ok(name.to_ascii_lowercase())
}

fn manifest(name: &str, typed: bool) -> String {
    let (extension, development) = if typed {
        ("ts", ",\n  \"devDependencies\": {\n    \"@types/node\": \"^22.0.0\",\n    \"typescript\": \"^5.9.0\"\n  }")
    } else {
        ("js", "")
    };
    format!(
        r#"{{
  "name": "{name}",
  "version": "0.1.0",
  "private": true,
  "main": "server.{extension}",
  "scripts": {{
    "start": "node server.{extension}"
  }},
  "dependencies": {{
    "leanengine": "^3.8.0"
  }}{development}
}}
"#
    )
}

const SERVER_JAVASCRIPT: &str = "'use strict'

// hookd gives these variables to every app; nothing has to be filled in.
const AV = require('leanengine')

AV.init({
  appId: process.env.LEANCLOUD_APP_ID,
  appKey: process.env.LEANCLOUD_APP_KEY,
  masterKey: process.env.LEANCLOUD_APP_MASTER_KEY
})

require('./cloud')
";

const SERVER_TYPESCRIPT: &str = "// hookd gives these variables to every app; nothing has to be filled in.
import AV from 'leanengine'

AV.init({
  appId: process.env.LEANCLOUD_APP_ID!,
  appKey: process.env.LEANCLOUD_APP_KEY!,
  masterKey: process.env.LEANCLOUD_APP_MASTER_KEY!
})

import './cloud'
";

/// For editors and `tsc`; hookd itself reads no more of it than `paths`.
const TSCONFIG: &str = r#"{
  "compilerOptions": {
    "target": "es2022",
    "module": "commonjs",
    "esModuleInterop": true,
    "strict": true,
    "skipLibCheck": true,
    "noEmit": true
  }
}
"#;

fn cloud_javascript(template: &Template) -> String {
    let Template { helper, .. } = template;
    format!(
        "'use strict'\n\nconst AV = require('leanengine')\n\n// Hooks of this app: one helper of `AV.Cloud` each.\n\
         AV.Cloud.{helper}(async ({{ params }}) => {{\n{}}})\n",
        handler(template)
    )
}

fn cloud_typescript(template: &Template) -> String {
    let Template { helper, .. } = template;
    format!(
        "import AV from 'leanengine'\n\n// Hooks of this app: one helper of `AV.Cloud` each.\n\
         AV.Cloud.{helper}(async ({{ params }}) => {{\n{}}})\n",
        handler(template)
    )
}

fn handler(Template { note, reply, .. }: &Template) -> String {
    let answer = if reply.is_empty() { String::new() } else { format!("  return {reply}\n") };
    format!("  console.log({note})\n{answer}")
}

fn readme(name: &str, hook: &str, typed: bool) -> String {
    let language = if typed { "TypeScript" } else { "JavaScript" };
    format!(
        "# {name}\n\nHooks for hookd, in {language}.\n\n```\nhookd build                 # look whether it can run\nhookd deploy --prod         \
         # build, upload, go live\nhookd invoke {hook} --params sample.json\n```\n\nPackages of npm are added with `npm install \
         NAME`; `leanengine`, `leancloud-storage`, `redis` and `ioredis` are\nhookd's own, and need not be installed.\n"
    )
}
