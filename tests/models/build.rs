//! Plants faults: each is a copy of one of the files with one text in the place of another. `tests/planted_faults.rs` expects
//! that every one of them is found.

use std::path::PathBuf;
use std::{env, fs, io};

const TURNS: &str = "runtime/src/sandbox/turns.rs";
const FAIR_TURNS: &str = "runtime/src/fair_turns.rs";
const WORKERS: &str = "im-core/src/hooks/notifications/workers.rs";
const LEASE: &str = "im-core/src/hooks/notifications/lease.rs";
const LOCKS: &str = "im-core/src/keyed_locks.rs";

/// A fault: its name, the file, what stands there, and what is put in its place.
const FAULTS: [(&str, &str, &str, &str); 12] = [
    // The guest that gave way is never asked again.
    ("forgotten_wake_up", TURNS, "context.waker().wake_by_ref();", ""),
    // A guest queues among all apps without its app's place, so calls take turns, and not apps.
    ("no_line_of_the_app", TURNS, "let of_app = self.0.acquire().await.ok();", "let of_app = None;"),
    // A call that stops waiting keeps the app's place.
    ("kept_place", TURNS, "let of_all = turns.0.acquire().await.ok();", KEPT_PLACE),
    // A call that begins to wait does not look whether a turn came free meanwhile.
    ("no_second_look", FAIR_TURNS, "turns.serve(&mut lines);", ""),
    // A call that stops waiting keeps the turn that it got just then.
    ("kept_turn", FAIR_TURNS, "drop(lines);\n            self.turns.give_back(&self.holder.0);", "drop(lines);"),
    // Tasks that wait are not counted: the lock is removed while they wait for it.
    ("uncounted_claims", LOCKS, "entry.claims += 1;", "entry.claims = 1;"),
    // The last one leaves its entry behind.
    ("kept_entry", LOCKS, "if entry.claims == 0 {", "if entry.claims > 0 {"),
    // A call that comes while the worker looks is no news.
    ("unseen_news", WORKERS, "living.news = true;", ""),
    // A worker ends though a call came while it looked, and keeps its place.
    ("kept_worker", WORKERS, "        !has_news\n", "        true\n"),
    // A node that was ended takes what it had claimed for its own when it has a lease again.
    ("kept_term", LEASE, "state.terms += 1;", ""),
    // A node begins calls though others may have ended it.
    ("endless_lease", LEASE, "state.until.filter(|until| Instant::now() < *until)", "state.until"),
    // Each task that asks gets a lock of its own.
    ("unshared_locks", LOCKS, "entry.lock.clone())", "Lock::default())"),
];

const KEPT_PLACE: &str = "let of_app = std::mem::ManuallyDrop::new(of_app);
        let of_all = turns.0.acquire().await.ok();
        let of_app = std::mem::ManuallyDrop::into_inner(of_app);";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../..");
    let output = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    for file in [TURNS, FAIR_TURNS, LEASE, LOCKS, WORKERS] {
        println!("cargo::rerun-if-changed=../../{file}");
    }
    println!("cargo::rerun-if-changed=build.rs");
    for (name, file, right, wrong) in FAULTS {
        let text = fs::read_to_string(root.join(file))?;
        if text.matches(right).count() != 1 {
            return Err(io::Error::other(format!("`{file}` has `{right}` not once: plant the fault `{name}` anew")));
        }
        // What is included has no documentation of its own.
        let lines = text.lines().filter(|line| !line.starts_with("//!"));
        let text = lines.collect::<Vec<_>>().join("\n").replace(right, wrong);
        fs::write(output.join(format!("{name}.rs")), text)?;
    }
    Ok(())
}
