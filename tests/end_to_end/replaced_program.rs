//! A server whose program was replaced, as every update does, goes on with the program that it was started from (F-38).

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::harness::{hookd_in, module};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_deploy_after_the_program_was_replaced_is_compiled_by_the_one_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (program, data) = (folder.path().join("hookd"), folder.path().join("data"));
    std::fs::copy(env!("CARGO_BIN_EXE_hookd"), &program).unwrap();
    let mut server = Command::new(&program);
    server.args(["up", "--json", "--listen", "127.0.0.1:0"]).env("HOOKD_DATA", &data);
    let mut server = Killed(server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();

    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "#!/bin/sh\nexit 7\n").unwrap();
    let module = module("word-filter");
    let output = hookd_in(&data, &["deploy", module.to_str().unwrap(), "--prod"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
