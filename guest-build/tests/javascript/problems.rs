//! What a developer reads of a project that cannot run.

use crate::Project;

#[tokio::test]
async fn a_syntax_error_shows_its_line() {
    let cloud = "const AV = require('leanengine')\nAV.Cloud.define('x', async (request) => {\n  return request.params..text\n})\n";
    let refused = Project::new(&[("cloud.js", cloud)]).refused().await;
    assert!(refused.contains("\ncloud.js:3:25: "), "{refused}");
    assert!(refused.contains("\n  3 |   return request.params..text\n    |                         ^"), "{refused}");
}

#[tokio::test]
async fn broken_modules_and_types_show_theirs() {
    for (file, text, place) in [
        ("server.mjs", "import AV from 'leanengine'\nlet a = ;\n", "server.mjs:2:9: "),
        ("server.js", "import AV from 'leanengine'\n\nlet a = ;\n", "server.js:3:9: "),
        ("server.ts", "let a: number = 1\nlet b: = 2\n", "server.ts:2:8: "),
    ] {
        let refused = Project::new(&[(file, text)]).refused().await;
        assert!(refused.contains(&format!("\n{place}")), "{refused}");
    }
}

#[tokio::test]
async fn broken_json_shows_its_line() {
    let project = Project::new(&[("cloud.js", "require('./words')"), ("words.json", "[\n  \"a\",\n  b\n]")]);
    let refused = project.refused().await;
    assert!(refused.contains("\nwords.json:3:3: the JSON cannot be read: expected value\n  3 |   b\n"), "{refused}");
}

#[tokio::test]
async fn missing_packages_and_files_are_named_with_the_command_that_helps() {
    let project = Project::new(&[
        ("package.json", r#"{"dependencies": {"moment": "2"}}"#),
        ("cloud.js", "require('lodash/fp')\n  require('./redis')\nrequire('moment')"),
        ("Redis.js", ""),
        ("node_modules/.package-lock.json", "{}"),
    ]);
    let refused = project.refused().await;
    for expected in [
        "\ncloud.js:1:9: cannot find the package `lodash`\n",
        "fix: run `npm install lodash` in the project",
        "\ncloud.js:2:11: cannot find `./redis`\n",
        "\ncloud.js:3:9: cannot find the package `moment`\n",
        "fix: run `npm install` in the project",
    ] {
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
}

#[tokio::test]
async fn what_may_be_missing_is_a_warning() {
    let cloud = "let fast\ntry {\n  fast = require('fast')\n} catch (error) {}\n";
    let warnings = Project::new(&[("cloud.js", cloud)]).warnings().await;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("cloud.js:3:18: cannot find the package `fast`"), "{warnings:?}");
}

#[tokio::test]
async fn what_the_sandbox_does_not_have_is_refused_in_the_projects_own_code() {
    for name in ["child_process", "net", "node:tls", "worker_threads", "cluster"] {
        let refused = Project::new(&[("cloud.js", &format!("const it = require('{name}')"))]).refused().await;
        assert!(refused.contains(&format!("\ncloud.js:1:20: `{name}` cannot be used in the sandbox")), "{refused}");
        assert!(refused.contains("\n  fix: "), "{refused}");
    }
    let refused =
        Project::new(&[("server.ts", "import { Worker } from 'worker_threads'\nnew Worker('x')")]).refused().await;
    assert!(refused.contains("\nserver.ts:1:24: `worker_threads` cannot be used"), "{refused}");
}

#[tokio::test]
async fn packages_may_require_anything() {
    let project = Project::new(&[
        ("cloud.js", "require('request')"),
        (
            "node_modules/request/index.js",
            "require('net'); require('tls'); require('aws4'); require('./missing'); let = ;",
        ),
        ("node_modules/request/old.js", ""),
    ]);
    project.bundle().await;
}

#[tokio::test]
async fn what_fails_only_when_it_is_called_is_a_warning() {
    let cloud = "const fs = require('fs')\nconst { appendFile } = fs.promises\nconst dns = require('dns')\n\
                 exports.a = () => fs.writeFileSync('x', '')\nexports.b = () => appendFile('x')\n\
                 exports.c = () => fs.promises.unlink('x')\nredis.defineCommand('x', {})\nfs.readFileSync('y')\n";
    let warnings = Project::new(&[("cloud.js", cloud)]).warnings().await;
    let places: Vec<&str> = warnings.iter().map(|warning| warning.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        ["cloud.js:4:19", "cloud.js:5:19", "cloud.js:6:19", "cloud.js:7:1", "cloud.js:3:21"],
        "{warnings:?}"
    );
    assert!(warnings[0].contains("`writeFileSync` fails when it is called"), "{warnings:?}");
}

#[tokio::test]
async fn native_addons_are_refused() {
    let project = Project::new(&[
        ("cloud.js", "require('bcrypt')\nrequire('./own.node')"),
        ("own.node", "machine code"),
        ("node_modules/bcrypt/package.json", r#"{"dependencies": {"node-addon-api": "5"}}"#),
        ("node_modules/bcrypt/index.js", ""),
    ]);
    let refused = project.refused().await;
    assert!(refused.contains("\ncloud.js:1:9: `bcrypt` has machine code in it"), "{refused}");
    assert!(refused.contains("\ncloud.js:2:9: `./own.node` is a native addon"), "{refused}");
}

#[tokio::test]
async fn what_no_commonjs_can_be_made_of_is_refused() {
    let refused =
        Project::new(&[("server.mjs", "import 'leanengine'\nconst words = await fetch('https://x')")]).refused().await;
    assert!(refused.contains("\nserver.mjs:2:15: `await` outside of functions"), "{refused}");
    let refused = Project::new(&[("server.ts", "@sealed\nclass A {}\nexport { A }")]).refused().await;
    assert!(refused.contains("\nserver.ts:1:1: decorators cannot be used"), "{refused}");
}

#[tokio::test]
async fn code_that_may_never_run_is_no_reason_to_refuse() {
    let cloud = "exports.load = name => require(name)";
    let project = Project::new(&[("cloud.js", cloud), ("tool.js", "require('gulp')"), ("broken.js", "let = ;")]);
    let warnings = project.warnings().await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let unused = Project::new(&[("cloud.js", ""), ("tool.js", "require('net')"), ("broken.js", "let = ;")]);
    let bundle = unused.bundle().await;
    assert_eq!(bundle.files["/app/broken.js"], "let = ;");
}

#[tokio::test]
async fn deep_nesting_ends_the_build_well() {
    let sum = vec!["'a'"; 50_000].join("+");
    let bundle = Project::new(&[("cloud.js", &format!("exports.text = {sum}"))]).bundle().await;
    assert_eq!(bundle.modules.len(), 1);
    let lists = format!("x = {}{}", "[".repeat(50_000), "]".repeat(50_000));
    Project::new(&[("cloud.js", &lists)]).bundle().await;
    for (nested, place) in [("[", "cloud.js:1:100001: "), ("`${", "cloud.js:1:300003: ")] {
        let refused = Project::new(&[("cloud.js", &nested.repeat(1_000_000))]).refused().await;
        assert!(refused.contains(place) && refused.contains("nested too deeply"), "{refused}");
    }
}

#[tokio::test]
async fn hooks_of_object_storage_are_named_as_never_called() {
    let cloud = "const AV = require('leanengine')\nAV.Cloud.afterSave('Todo', () => {})\nAV.Cloud.onLogin(() => {})\n";
    let warnings = Project::new(&[("cloud.js", cloud)]).warnings().await;
    let expected =
        "afterSave(Todo) (cloud.js:2), onLogin() (cloud.js:3) are never called: object storage is not offered";
    assert_eq!(warnings, [expected]);
}
