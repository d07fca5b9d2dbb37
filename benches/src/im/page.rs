//! The page of the documentation.

use std::fmt::Write as _;
use std::path::Path;

use hookd_benches::by_hand;
use hookd_benches::files::write;
use hookd_benches::machine::Fact;

use crate::load::{IN_GROUPS, WINDOW};
use crate::logins::CLIENTS;
use crate::report::Report;
use crate::{GROUP_CLIENTS, LARGEST_ROOM, PACE, PAIRS, PAIRS_PACE};

/// Writes tables, method and machine.
pub fn write_page(report: &Report, path: &Path) -> anyhow::Result<()> {
    let by_hand = by_hand::kept(path, "make bench-im")?;
    write(path, &page(report, &by_hand)?)
}

fn page(report: &Report, by_hand: &str) -> anyhow::Result<String> {
    let (pairs_seconds, seconds, window) = (PAIRS_PACE.round.as_secs(), PACE.round.as_secs(), WINDOW);
    let mut page = format!(
        "# Performance of the IM core\n\nWritten by `make bench-im`; run it to get the numbers of your machine.\n\n\
         {by_hand}\n{tables}\n\
         ## How it is measured\n\n\
         hookd, prosody and ejabberd run side by side, each with its data in a folder of its own on the same disk. One load\n\
         generator with one thread plays all clients; it shares the machine with the servers, so a server has no more than the\n\
         remaining cores. The servers take turns, round by round; the tables show medians of the rounds.\n\n\
         *One to one*: {PAIRS} pairs of clients, one of which writes to the other. {window} messages of a pair are on their way at\n\
         the same time: the next one is sent once one of them has reached the receiver's client. All texts are equally long, and\n\
         every one that arrives is checked. {rounds} rounds of {pairs_seconds} s after a warm-up. CPU time is what the kernel says of the\n\
         server and its children.\n\n\
         *At half*: half as many messages a second as the server's own median, sent when a clock says so. The time of a message\n\
         starts when it is due, so a server that stalls is charged for all that it kept waiting. It ends when the receiver's\n\
         client has the message; in a group each receiver counts.\n\n\
         *hookd* is `hookd up` with SQLite, as it comes: each message is in the history and synced to disk before it is\n\
         acknowledged, and receivers acknowledge what they got, as the client SDKs do. *The hook* is the word filter of the\n\
         examples, which `_messageReceived` calls in a fresh sandbox for each message; it *passes* a text without the word, and\n\
         *rewrites* one with it. *Breaker open*: the app's hooks are at an address where nothing listens any more, its policy is\n\
         `ignore`, and the circuit breaker tries the address again after each cool-down.\n\n\
         *prosody* and *ejabberd* are Debian's packages without encryption, with passwords in plain text, and with the archive of\n\
         messages on for everybody: prosody in files, ejabberd in Mnesia and in SQLite. Clients log in with `PLAIN` and send\n\
         neither receipts nor acknowledgements. The archives in files and in Mnesia are not synced to disk for each message.\n\n\
         *In groups*: {GROUP_CLIENTS} clients in groups of that size, each in one. One member of each group writes, with up to {window} messages\n\
         on their way, and up to {IN_GROUPS} of all groups. XMPP servers have rooms in place of groups, with their archive on; a room sends\n\
         each message back to its sender too. Rooms of more than {LARGEST_ROOM} are left out: they take too long to fill. *50 members\n\
         online* is a single group. {group_rounds} rounds of {seconds} s.\n\n\
         *Logins*: {CLIENTS} clients connect, log in until they would get messages, leave, and begin again.\n\n\
         *Idle sessions* are clients with a connection each that have logged in and do nothing. The slope is the memory between\n\
         5,000 and 15,000 of them.\n\n\
         All servers log warnings only.\n\n\
         ## The machine\n\n| | |\n|---|---|\n",
        tables = report.tables()?,
        rounds = PAIRS_PACE.rounds,
        group_rounds = PACE.rounds,
    );
    for Fact { name, value } in &report.machine {
        writeln!(page, "| {name} | {value} |")?;
    }
    Ok(page)
}
