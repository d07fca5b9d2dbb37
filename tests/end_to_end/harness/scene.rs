use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use super::modules::workspace;
use super::output::stderr;
use super::server::Server;

/// What a scene reported.
pub type Facts = Map<String, Value>;

impl Server {
    /// Plays `tests/clients/scenes/<name>.mjs` against this server and does what it asks for; panics with the scene's own
    /// words when a step did not come true.
    pub fn play(&mut self, name: &str) -> Facts {
        self.play_with(name, &[])
    }

    /// The same, with arguments to the scene.
    pub fn play_with(&mut self, name: &str, arguments: &[&str]) -> Facts {
        self.play_obliging(name, arguments, &mut |_, what, _| {
            panic!("the scene asks for `{what}`, which no test knows")
        })
    }

    /// The same; its clients trust the certificates of this file (PEM).
    pub fn play_trusting(&mut self, certificates: &Path, name: &str, arguments: &[&str]) -> Facts {
        self.play_scene((name, arguments), Some(certificates), &mut |_, what, _| {
            panic!("the scene asks for `{what}`, which no test knows")
        })
    }

    /// The same; `oblige` does what only this test can do for the scene, and answers what the scene may want to know.
    pub fn play_obliging(
        &mut self,
        name: &str,
        arguments: &[&str],
        oblige: &mut dyn FnMut(&mut Self, &str, &str) -> Value,
    ) -> Facts {
        self.play_scene((name, arguments), None, oblige)
    }

    fn play_scene(
        &mut self,
        (name, arguments): (&str, &[&str]),
        trusted: Option<&Path>,
        oblige: &mut dyn FnMut(&mut Self, &str, &str) -> Value,
    ) -> Facts {
        let clients = workspace().join("tests/clients");
        assert!(
            clients.join("node_modules").is_dir(),
            "the clients are not installed; install them with `make clients`"
        );
        let mut scene = Command::new("node")
            .arg(clients.join("scenes").join(format!("{name}.mjs")))
            .args(arguments)
            .env("HOOKD_CONNECTION", self.connection().to_string())
            .envs(trusted.map(|certificates| ("NODE_EXTRA_CA_CERTS", certificates)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let mut answers = scene.stdin.take().expect("a pipe");
        let mut facts = Facts::new();
        for line in BufReader::new(scene.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("UTF-8");
            eprintln!("{line}");
            let Ok(Value::Object(mut event)) = serde_json::from_str(&line) else { continue };
            if let Some(Value::Object(report)) = event.remove("report") {
                facts.extend(report);
            }
            if let Some(what) = event.get("ask") {
                let what = what.as_str().expect("a word");
                let argument = event.get("argument").and_then(Value::as_str).unwrap_or_default();
                let answer = self.oblige(what, argument, oblige);
                writeln!(answers, "{answer}").expect("a scene that listens");
            }
        }
        let status = scene.wait().expect("a scene that ended");
        assert!(status.success(), "the scene `{name}` failed; its steps are above");
        facts
    }

    /// Does it, and answers what the scene may want to know.
    fn oblige(
        &mut self,
        what: &str,
        argument: &str,
        otherwise: &mut dyn FnMut(&mut Self, &str, &str) -> Value,
    ) -> Value {
        match what {
            "kill" => self.kill(),
            "start" => self.start_again(),
            "kill-engine" => self.processes().kill_engine(),
            "stop-engine" => self.processes().stop_engine(),
            "wait-for-engine" => self.processes().wait_for_engine(),
            "start-engine" => self.start_engine(),
            "stop-front" => self.processes().stop_front(),
            "start-front" => self.start_front(),
            "deploy" => return self.deploy(argument),
            "delete app" => drop(self.hookd_ok(&["apps", "delete", argument])),
            "settings" => {
                let mut arguments = vec!["settings", "--json"];
                arguments.extend(argument.split(' '));
                return serde_json::from_str(&self.hookd_ok(&arguments)).expect("one line of JSON");
            }
            "breakers" => {
                let apps: Value = serde_json::from_str(&self.hookd_ok(&["apps", "list", "--json"])).expect("one app");
                return apps["breakers"].clone();
            }
            "info" => {
                let output = self.hookd(&["info"]);
                return json!({"stdout": String::from_utf8_lossy(&output.stdout), "stderr": stderr(&output)});
            }
            "publish" => drop(self.hookd_ok(&["publish"])),
            _ => return otherwise(self, what, argument),
        }
        Value::Null
    }
}
