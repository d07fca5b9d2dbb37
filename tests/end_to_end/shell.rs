//! `hookd completions`, tried in the shell itself.

use std::process::Command;

use crate::harness::{assert_refused, hookd_in, stdout};

#[test]
fn bash_completes_commands_flags_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("hookd.bash");
    std::fs::write(&script, stdout(&hookd_in(folder.path(), &["completions", "bash"]))).unwrap();
    for (words, expected) in
        [("dep", "deploy"), ("logs --req", "--request-id"), ("logs --level w", "warn"), ("apps rot", "rotate-key")]
    {
        let last = words.split(' ').next_back().unwrap();
        let program = format!(
            "source {script}; COMP_WORDS=(hookd {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _hookd hookd {last} \"${{COMP_WORDS[COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script = script.display()
        );
        let completed = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        assert_eq!(stdout(&completed).trim(), expected, "{words}: {}", String::from_utf8_lossy(&completed.stderr));
    }
}

#[test]
fn every_shell_has_a_script() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&hookd_in(folder.path(), &["completions", shell]));
        assert!(script.contains("rollback"), "{shell}");
    }
    assert_refused(&hookd_in(folder.path(), &["completions", "tcsh"]), &["tcsh", "zsh"]);
}
