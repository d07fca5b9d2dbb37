//! Projects as a whole: packages, bounds, output.

use api_types::Bundle;

use crate::Project;

#[tokio::test]
async fn the_bundle_is_written_beside_the_project_and_never_read_as_a_part_of_it() {
    let project = Project::new(&[("package.json", r#"{"name": "@me/hooks"}"#), ("cloud.js", "")]);
    let first = project.build().await.unwrap();
    assert_eq!(first.path, project.path().join(".hookd/me-hooks.bundle.json"));
    assert_eq!(std::fs::read(&first.path).unwrap(), first.bytes);
    assert!(Bundle::is_meant_by(&first.bytes));
    assert_eq!(project.build().await.unwrap().bytes, first.bytes);
    assert_eq!(std::fs::read_to_string(project.path().join(".hookd/.gitignore")).unwrap(), "*\n");
}

#[tokio::test]
async fn sources_are_the_project_without_the_output() {
    let project = Project::new(&[("cloud.js", "")]);
    let sources = hookd_guest_build::builder_of(project.path()).unwrap().sources(project.path()).await.unwrap();
    let folder = project.path().canonicalize().unwrap();
    assert_eq!(sources.packages, std::slice::from_ref(&folder));
    assert_eq!(sources.target, Some(folder.join(".hookd")));
}

#[tokio::test]
async fn too_much_is_refused_with_the_largest_files() {
    let project = Project::new(&[("cloud.js", "require('huge')"), ("node_modules/huge/index.js", "")]);
    project.write("node_modules/huge/index.js", vec![b'\n'; 50 << 20]);
    let refused = project.refused().await;
    assert!(
        refused.contains("at most 32.0 MiB") && refused.contains("50.0 MiB  node_modules/huge/index.js"),
        "{refused}"
    );
    // Short on the disk, and long in the bundle.
    let escaped = Project::new(&[("cloud.js", "")]);
    escaped.write("control.txt", vec![1_u8; 20 << 20]);
    let refused = escaped.refused().await;
    assert!(refused.contains("120.1 MiB in the bundle"), "{refused}");
}

#[tokio::test]
async fn packages_that_are_missing_are_installed_with_npm() {
    let project = Project::new(&[
        ("package.json", r#"{"name": "hooks", "dependencies": {"words": "file:packages/words"}}"#),
        ("cloud.js", "require('leanengine')\nrequire('words')"),
        ("packages/words/package.json", r#"{"name": "words", "version": "1.0.0"}"#),
        ("packages/words/index.js", "module.exports = ['a']"),
        // Nothing but the packages of this machine: tests need no network.
        (".npmrc", "offline=true\n"),
    ]);
    let mut steps = Vec::new();
    let builder = hookd_guest_build::builder_of(project.path()).unwrap();
    let built = builder.build(project.path(), &mut |step| steps.push(step.to_owned())).await.unwrap();
    assert!(steps.contains(&"installing the packages with `npm install`".to_owned()), "{steps:?}");
    let bundle = Bundle::read(&built.bytes).unwrap();
    assert_eq!(bundle.modules["/app/cloud.js"].requires["words"], "/app/packages/words/index.js");
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    let mut steps = Vec::new();
    builder.build(project.path(), &mut |step| steps.push(step.to_owned())).await.unwrap();
    assert!(steps.contains(&"installing the packages with `npm ci`".to_owned()), "{steps:?}");
}

#[tokio::test]
async fn the_lock_file_of_another_tool_names_that_tool() {
    let project = Project::new(&[
        ("package.json", r#"{"dependencies": {"lodash": "4"}}"#),
        ("yarn.lock", ""),
        ("cloud.js", "require('lodash')"),
    ]);
    let refused = project.refused().await;
    assert!(refused.contains("it requires `lodash`") && refused.contains("yarn install"), "{refused}");
}

#[tokio::test]
async fn packages_that_the_runtime_brings_need_not_be_installed() {
    let dependencies =
        r#"{"dependencies": {"leanengine": "3", "leancloud-storage": "4", "redis": "4", "ioredis": "5"}}"#;
    let cloud =
        "require('leanengine'); require('leancloud-storage'); require('redis'); require('ioredis'); require('node:fs')";
    let bundle = Project::new(&[("package.json", dependencies), ("cloud.js", cloud)]).bundle().await;
    assert!(bundle.modules["/app/cloud.js"].requires.is_empty());
}

#[tokio::test]
async fn snippets_of_the_online_editor_become_handlers() {
    let body = "const AV = require('leanengine')\nif (limit(request.params)) return { drop: true }\nreturn await words.check(request)\n";
    let project = Project::new(&[
        ("_messageReceived.js", body),
        ("say hello.js", "return 'hello ' + request.params.name // no line end"),
        (
            "global/limits.js",
            "var words = require('words')\nfunction limit(params) { return params.content.length > 9 }\n",
        ),
        ("node_modules/words/index.js", ""),
    ]);
    let bundle = project.bundle().await;
    assert_eq!(bundle.entry, "/app/.snippets.js");
    let entry = &bundle.modules["/app/.snippets.js"];
    let loads = "require(\"./global/limits.js\")\nrequire(\"./_messageReceived.js\")\nrequire(\"./say hello.js\")\n";
    assert!(entry.source.ends_with(loads), "{}", entry.source);
    assert_eq!(entry.requires["./say hello.js"], "/app/say hello.js");
    assert_eq!(entry.requires["words"], "/app/node_modules/words/index.js");
    let hook = &bundle.modules["/app/_messageReceived.js"].source;
    assert!(hook.contains("AV.Cloud.define(\"_messageReceived\", async function (request) { const AV = "), "{hook}");
    assert_eq!(hook.lines().nth(1), body.lines().nth(1), "no line moves");
    assert!(bundle.modules["/app/say hello.js"].source.ends_with("// no line end\n})"));
    assert!(bundle.modules["/app/global/limits.js"].source.starts_with("(0, eval)(\"var words"));

    project.write("_messageReceived.js", "let a = ;\nreturn");
    let refused = project.refused().await;
    assert!(refused.contains("\n_messageReceived.js:1:9: ") && refused.contains("\n  1 | let a = ;\n"), "{refused}");
    project.write("_messageReceived.js", "return\n})");
    let refused = project.refused().await;
    assert!(refused.contains("\n_messageReceived.js:"), "{refused}");
}
