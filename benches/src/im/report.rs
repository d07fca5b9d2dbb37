//! The tables, for the terminal and the page, and the machine-readable summary.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use hookd_benches::files::write;
use hookd_benches::machine::Fact;
use hookd_benches::statistics::rounded;
use serde_json::{Map, Value, json};

use crate::contest::{BREAKER, EJABBERD, EJABBERD_SQL, Measured, NO_HOOK, PASSES, PROSODY, REWRITES};
use crate::idle::{FEW, Idle, MANY};
use crate::load::Rate;
use crate::logins::Logins;
use crate::meter::Latency;

/// Everything that a run found out.
pub struct Report {
    /// One to one.
    pub pairs: Vec<Measured>,
    /// Groups whose members are all online.
    pub groups: Vec<Group>,
    /// A group with few members.
    pub alone: Group,
    /// The same members online in a large group.
    pub among_many: Group,
    /// Logins.
    pub logins: Vec<Logins>,
    /// Sessions that do nothing; `None` where the system lets a process have too few connections.
    pub idle: Option<Idle>,
    /// Where.
    pub machine: Vec<Fact>,
}

/// One size of a group.
pub struct Group {
    /// All of them.
    pub members: usize,
    /// By contender.
    pub measured: Vec<Measured>,
}

impl Group {
    fn of(&self, name: &str) -> anyhow::Result<&Measured> {
        find(&self.measured, name)
    }
}

fn find<'a>(measured: &'a [Measured], name: &str) -> anyhow::Result<&'a Measured> {
    measured.iter().find(|measured| measured.name == name).with_context(|| format!("`{name}` was not measured"))
}

impl Report {
    /// Prints the tables.
    pub fn print(&self) -> anyhow::Result<()> {
        // A closed terminal does not stop the files from being written.
        let _ = writeln!(std::io::stdout(), "{}", self.tables()?);
        Ok(())
    }

    /// A flat object of numbers.
    pub fn write_summary(&self, path: &Path) -> anyhow::Result<()> {
        let mut summary = Map::new();
        let mut note = |name: String, value: f64| summary.insert(name, json!(value));
        for (suffix, name) in [("", NO_HOOK), ("_hook_passes", PASSES), ("_hook", REWRITES), ("_breaker", BREAKER)] {
            let (rate, latency) = self.of_pairs(name)?;
            note(format!("im_msgs_s{suffix}"), rate.messages.round());
            note(format!("im_cpu_us{suffix}"), rate.cpu_us.round());
            note(format!("im_p50_ms_half_peak{suffix}"), rounded(latency.p50_ms));
            note(format!("im_p99_ms_half_peak{suffix}"), rounded(latency.p99_ms));
        }
        for (prefix, name) in [("prosody", PROSODY), ("ejabberd", EJABBERD), ("ejabberd_sql", EJABBERD_SQL)] {
            let (rate, latency) = self.of_pairs(name)?;
            note(format!("{prefix}_msgs_s"), rate.messages.round());
            note(format!("{prefix}_cpu_us"), rate.cpu_us.round());
            note(format!("{prefix}_p50_ms_half_peak"), rounded(latency.p50_ms));
            note(format!("{prefix}_p99_ms_half_peak"), rounded(latency.p99_ms));
        }
        for group in &self.groups {
            for (suffix, name) in [("", NO_HOOK), ("_hook", REWRITES), ("_breaker", BREAKER)] {
                let measured = group.of(name)?;
                note(format!("im_group_{}_msgs_s{suffix}", group.members), measured.rate().messages.round());
                let p99_ms = rounded(measured.latency().p99_ms);
                note(format!("im_group_{}_p99_ms_half_peak{suffix}", group.members), p99_ms);
            }
        }
        note("im_group_500_with_50_online_cost_ratio".to_owned(), rounded(self.cost_of_absent_members()?));
        for Logins { name, per_second, .. } in &self.logins {
            let key = if *name == NO_HOOK { "logins_s".to_owned() } else { format!("{name}_logins_s") };
            note(key, per_second.round());
        }
        if let Some(idle) = &self.idle {
            note("idle_session_kib".to_owned(), rounded(idle.session_kib()));
            note("idle_15000_sessions_mib".to_owned(), rounded(idle.all_mib()));
        }
        write(path, &format!("{:#}\n", Value::Object(summary)))
    }

    /// All tables but the machine's.
    pub fn tables(&self) -> anyhow::Result<String> {
        let tables = [
            self.one_to_one()?,
            self.hooks()?,
            self.in_groups(),
            self.absent_members()?,
            self.logins(),
            self.idle(),
            self.targets()?,
        ];
        Ok(tables.into_iter().filter(|table| !table.is_empty()).collect::<Vec<_>>().join("\n"))
    }

    fn of_pairs(&self, name: &str) -> anyhow::Result<(Rate, Latency)> {
        let measured = find(&self.pairs, name)?;
        Ok((measured.rate(), measured.latency()))
    }

    fn one_to_one(&self) -> anyhow::Result<String> {
        let mut table =
            "| one to one | messages/s | server CPU a message | p50 at half | p99 at half | × prosody | × ejabberd |\n\
                         |---|--:|--:|--:|--:|--:|--:|\n"
                .to_owned();
        for name in [NO_HOOK, PASSES, REWRITES, BREAKER, PROSODY, EJABBERD, EJABBERD_SQL] {
            let measured = find(&self.pairs, name)?;
            let (Rate { messages, cpu_us, .. }, Latency { p50_ms, p99_ms }) = self.of_pairs(name)?;
            let prosody = measured.times(find(&self.pairs, PROSODY)?);
            let ejabberd = measured.times(find(&self.pairs, EJABBERD)?);
            table.push_str(&format!(
                "| {name} | {messages:.0} | {cpu_us:.0} µs | {p50_ms:.2} ms | {p99_ms:.2} ms | {prosody:.1} | {ejabberd:.1} |\n"
            ));
        }
        Ok(table)
    }

    fn hooks(&self) -> anyhow::Result<String> {
        let none = find(&self.pairs, NO_HOOK)?;
        let mut table = "| over hookd without a hook | messages/s | server CPU a message |\n|---|--:|--:|\n".to_owned();
        for name in [PASSES, REWRITES, BREAKER] {
            let measured = find(&self.pairs, name)?;
            let messages = (measured.times(none) - 1.0) * 100.0;
            let cpu = (measured.rate().cpu_us / none.rate().cpu_us - 1.0) * 100.0;
            table.push_str(&format!("| {name} | {messages:+.0} % | {cpu:+.0} % |\n"));
        }
        Ok(table)
    }

    fn in_groups(&self) -> String {
        let mut table = "| in groups, all online | members | messages/s | deliveries/s | server CPU a message | p50 at half | p99 at half |\n\
                         |---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
        for group in &self.groups {
            for measured in &group.measured {
                table.push_str(&row_of_group(measured, group.members));
            }
        }
        table
    }

    fn absent_members(&self) -> anyhow::Result<String> {
        let mut table = "| 50 members online | members | messages/s | deliveries/s | server CPU a message | p50 at half | p99 at half |\n\
                         |---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
        for group in [&self.alone, &self.among_many] {
            table.push_str(&row_of_group(group.of(NO_HOOK)?, group.members));
        }
        Ok(table)
    }

    /// CPU time of a message in the large group over that of one in the small one.
    fn cost_of_absent_members(&self) -> anyhow::Result<f64> {
        Ok(self.among_many.of(NO_HOOK)?.rate().cpu_us / self.alone.of(NO_HOOK)?.rate().cpu_us)
    }

    fn logins(&self) -> String {
        let mut table = "| logins | a second | server CPU a login |\n|---|--:|--:|\n".to_owned();
        for Logins { name, per_second, cpu_us } in &self.logins {
            table.push_str(&format!("| {name} | {per_second:.0} | {cpu_us:.0} µs |\n"));
        }
        table
    }

    fn idle(&self) -> String {
        let Some(idle) = &self.idle else { return String::new() };
        let mib = |kib: f64| kib / 1024.0;
        format!(
            "| resident memory of hookd | |\n|---|--:|\n\
             | without clients | {:.1} MiB |\n| {FEW} idle sessions | {:.1} MiB |\n| {MANY} idle sessions | {:.1} MiB |\n\
             | a session, by the slope between them | {:.1} KiB |\n",
            mib(idle.bare_kib),
            mib(idle.few_kib),
            mib(idle.many_kib),
            idle.session_kib(),
        )
    }

    fn targets(&self) -> anyhow::Result<String> {
        let (none, mut least) = (find(&self.pairs, NO_HOOK)?, f64::INFINITY);
        for peer in [PROSODY, EJABBERD, EJABBERD_SQL] {
            least = least.min(none.times(find(&self.pairs, peer)?));
        }
        let (Rate { cpu_us, .. }, Latency { p99_ms, .. }) = self.of_pairs(NO_HOOK)?;
        let more = |name| anyhow::Ok((find(&self.pairs, name)?.rate().cpu_us / cpu_us - 1.0) * 100.0);
        let (passes, rewrites) = (more(PASSES)?, more(REWRITES)?);
        let mut rows = vec![
            ("a message: at most 100 µs of server CPU", format!("{cpu_us:.0} µs"), cpu_us <= 100.0),
            ("messages/s: at least 6 × the better peer", format!("{least:.1} ×"), least >= 6.0),
            ("a hook that passes: at most 15 % more CPU time", format!("{passes:+.0} %"), passes <= 15.0),
            ("a hook that rewrites: at most 50 % more CPU time", format!("{rewrites:+.0} %"), rewrites <= 50.0),
            ("p99 at half the peak: at most 20 ms", format!("{p99_ms:.1} ms"), p99_ms <= 20.0),
        ];
        if let Some(idle) = &self.idle {
            let (session, all) = (idle.session_kib(), idle.all_mib());
            rows.push(("an idle session: at most 15 KiB resident", format!("{session:.1} KiB"), session <= 15.0));
            let target = "15,000 idle sessions: at most 225 MiB over the bare server";
            rows.push((target, format!("{all:.0} MiB"), all <= 225.0));
        }
        let absent = self.cost_of_absent_members()?;
        let target = "a message in a group of 500 with 50 online: at most 3 × the CPU time of one in a group of 50";
        rows.push((target, format!("{absent:.2} ×"), absent <= 3.0));
        let mut table = "| target | measured | met |\n|---|--:|---|\n".to_owned();
        for (target, measured, is_met) in rows {
            table.push_str(&format!("| {target} | {measured} | {} |\n", if is_met { "yes" } else { "no" }));
        }
        Ok(table)
    }
}

fn row_of_group(measured: &Measured, members: usize) -> String {
    let (Rate { messages, deliveries, cpu_us }, Latency { p50_ms, p99_ms }) = (measured.rate(), measured.latency());
    let name = measured.name;
    format!(
        "| {name} | {members} | {messages:.0} | {deliveries:.0} | {cpu_us:.0} µs | {p50_ms:.2} ms | {p99_ms:.2} ms |\n"
    )
}
