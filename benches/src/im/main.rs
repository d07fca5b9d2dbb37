//! `make bench-im`: the IM core of hookd side by side with XMPP servers, in one run, with one load generator.
//!
//! Each server is a process of its own; rounds go in turn, so that a slow minute of the machine hits all of them. The tables are
//! printed and written to `docs/performance-im.md`, the numbers to `target/bench/im-summary.json`.

mod clients;
mod contest;
mod idle;
mod load;
mod logins;
mod meter;
mod page;
mod report;
mod servers;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hookd_benches::machine::{self, Fact};
use hookd_benches::progress::progress;
use hookd_benches::workspace;

use crate::clients::Endpoint;
use crate::contest::Contender;
use crate::load::{Shape, client_name};
use crate::meter::Text;
use crate::report::{Group, Report};
use crate::servers::{Archive, Hookd};

// As in hookd itself, so that the generator takes less of the machine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pairs of clients that write to each other.
pub const PAIRS: usize = 32;

/// Clients in groups whose members are all online, and the sizes of these groups.
pub const GROUP_CLIENTS: usize = 500;
const GROUP_SIZES: [usize; 3] = [10, 100, 500];

/// A group with few of its members online is compared with one that has no others.
const ONLINE: usize = 50;

/// Rooms of XMPP tell every member of every other at the start, which a large one takes minutes for.
const LARGEST_ROOM: usize = 100;

/// How long everything is measured.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Rounds of all servers in turn.
    rounds: usize,
    /// Before each round.
    warm_up: Duration,
    /// As fast as they can.
    round: Duration,
    /// Rounds at half of that.
    latency_rounds: usize,
    /// Each of them.
    at_rate: Duration,
}

/// One to one, where the targets are.
const PAIRS_PACE: Pace = Pace {
    rounds: 5,
    warm_up: Duration::from_millis(700),
    round: Duration::from_secs(3),
    latency_rounds: 3,
    at_rate: Duration::from_secs(3),
};

/// Logins, and groups, of which there are many.
const PACE: Pace = Pace {
    rounds: 3,
    warm_up: Duration::from_millis(500),
    round: Duration::from_secs(2),
    latency_rounds: 1,
    at_rate: Duration::from_secs(3),
};

/// To see whether everything works; its numbers say nothing.
const TRY_OUT: Pace = Pace {
    rounds: 1,
    warm_up: Duration::from_millis(200),
    round: Duration::from_secs(2),
    latency_rounds: 1,
    at_rate: Duration::from_millis(500),
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_try_out = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["try"] => true,
        _ => bail!("unknown arguments `{}`; run `make bench-im`", arguments.join(" ")),
    };
    idle::raise_descriptors();
    // One thread: the generator has one core, the server under test has the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let workspace = workspace()?;
    let report = match is_try_out {
        true => runtime.block_on(bench(workspace, (TRY_OUT, TRY_OUT)))?,
        false => runtime.block_on(bench(workspace, (PAIRS_PACE, PACE)))?,
    };
    report.print()?;
    if is_try_out {
        return Ok(());
    }
    report.write_summary(&workspace.join("target/bench/im-summary.json"))?;
    page::write_page(&report, &workspace.join("docs/performance-im.md"))
}

async fn bench(workspace: &Path, (pairs_pace, pace): (Pace, Pace)) -> anyhow::Result<Report> {
    let module = workspace.join("target/hookd-modules/word-filter.wasm");
    if !module.is_file() {
        bail!("`{}` is missing; build it with `make modules`", module.display());
    }
    progress("starting the servers");
    let accounts: Vec<String> = (0..GROUP_CLIENTS.max(2 * PAIRS)).map(client_name).collect();
    let hookd = Hookd::start(workspace)?;
    // A client is in one load at a time, so each has an app.
    let (passing, rewritten) = (hookd.with_module("passing", &module)?, hookd.with_module("rewritten", &module)?);
    let deserted = hookd.with_dead_engine().await?;
    let prosody = servers::prosody(workspace, &accounts)?;
    let ejabberd = servers::ejabberd(workspace, Archive::Mnesia, &accounts).await?;
    let ejabberd_sql = servers::ejabberd(workspace, Archive::Sqlite, &accounts).await?;

    let own = |name, endpoint: &Endpoint, text| Contender {
        name,
        endpoint: endpoint.clone(),
        processes: hookd.processes(),
        text,
    };
    let peer = |name, server: &servers::Server| Contender {
        name,
        endpoint: Endpoint::Xmpp { address: server.address(), rooms: servers::ROOMS },
        processes: server.processes(),
        text: Text::Harmless,
    };
    let none = own(contest::NO_HOOK, &hookd.without_hook(), Text::Harmless);
    let passes = own(contest::PASSES, &passing, Text::Harmless);
    let rewrites = own(contest::REWRITES, &rewritten, Text::Rewritten);
    let breaker = own(contest::BREAKER, &deserted, Text::Harmless);
    let peers = [
        peer(contest::PROSODY, &prosody),
        peer(contest::EJABBERD, &ejabberd),
        peer(contest::EJABBERD_SQL, &ejabberd_sql),
    ];
    let [prosody, ejabberd, ejabberd_sql] = &peers;

    let all = [&none, prosody, &passes, ejabberd, &rewrites, ejabberd_sql, &breaker];
    let pairs = contest::measure(&all, Shape::Pairs(PAIRS), "one to one", pairs_pace).await?;

    let mut groups = Vec::new();
    for members in GROUP_SIZES {
        let mut contenders = vec![&none, &rewrites, &breaker];
        if members <= LARGEST_ROOM {
            contenders.extend(&peers);
        }
        groups.push(group(&contenders, (GROUP_CLIENTS / members, members, members), pace).await?);
    }
    let alone = group(&[&none], (1, ONLINE, ONLINE), pace).await?;
    let among_many = group(&[&none], (1, 500, ONLINE), pace).await?;

    let logins = logins::measure(&[&none, prosody, ejabberd], pace).await?;
    drop(hookd);
    let idle = idle::measure(workspace).await?;
    Ok(Report { pairs, groups, alone, among_many, logins, idle, machine: facts(workspace) })
}

async fn group(
    contenders: &[&Contender],
    (groups, members, online): (usize, usize, usize),
    pace: Pace,
) -> anyhow::Result<Group> {
    let name = format!("group-of-{members}-with-{online}");
    let measured = contest::measure(contenders, Shape::Groups { groups, members, online }, &name, pace);
    Ok(Group { members, measured: measured.await.context(name)? })
}

fn facts(workspace: &Path) -> Vec<Fact> {
    let package = |name| machine::output("dpkg-query", &["--show", "--showformat=${Version}", name], workspace);
    let mut facts = machine::facts(workspace);
    facts.extend([machine::fact("prosody", package("prosody")), machine::fact("ejabberd", package("ejabberd"))]);
    facts
}
