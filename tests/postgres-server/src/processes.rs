//! Signals to the server's process and to its children, which are in no common process group.

use std::collections::HashSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const POLL: Duration = Duration::from_millis(1);

pub(crate) const STOP: Signal = Signal::STOP;
pub(crate) const CONTINUE: Signal = Signal::CONT;

/// A process and its children, when it was looked at.
pub(crate) struct Tree {
    /// The parent first: stopped or dead, it makes no new children.
    parent: u32,
}

impl Tree {
    pub(crate) fn of(parent: u32) -> Self {
        Self { parent }
    }

    /// Sends a signal to all of them.
    pub(crate) fn signal(&self, signal: Signal) {
        self.signal_all(signal);
    }

    /// Kills all of them; answers when the children are gone too: a new server would meet them.
    pub(crate) fn kill(&self) {
        for child in self.signal_all(Signal::KILL) {
            while is_there(child) {
                sleep(POLL);
            }
        }
    }

    /// Answers the children.
    fn signal_all(&self, signal: Signal) -> HashSet<u32> {
        let mut all: HashSet<u32> = children(self.parent).into_iter().collect();
        send(self.parent, signal);
        all.extend(children(self.parent));
        all.iter().for_each(|child| send(*child, signal));
        all
    }
}

/// False for one that has ended, whether its end was noticed or not.
fn is_there(process: u32) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != "Z")
}

/// One that has ended meanwhile needs no signal.
fn send(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes.filter(|process| state_and_parent(*process).is_some_and(|(_, of)| of == parent)).collect()
}

/// The third and fourth field of `stat`; the second one, the name in brackets, may hold anything.
fn state_and_parent(process: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
