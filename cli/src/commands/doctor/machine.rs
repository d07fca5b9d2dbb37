//! The system's part of a server: its port, and the limits of a process.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};

use super::Finding;
use api_types::rfc3339;

/// Each client needs a socket: that many clients, less the server's own files.
const FEW_FILES: u64 = 4_096;
/// The pool of guests reserves address space, 4 GiB for each of 256 places.
const ADDRESS_SPACE_BYTES: u64 = 2 << 40;
/// Since 1970.
const YEAR_10000: Duration = Duration::from_secs(253_402_300_800);
const SET_THE_CLOCK: &str = "set the clock";

pub(super) fn check() -> Vec<Finding> {
    let files = files(getrlimit(Resource::Nofile).current);
    vec![files, address_space(getrlimit(Resource::As).current), clock(SystemTime::now())]
}

/// Where no server runs, is its port free.
pub(super) fn port(listen: SocketAddr) -> Finding {
    match TcpListener::bind(listen) {
        Ok(_) => Finding::ok("port", format!("no server runs; `{listen}` is free for `hookd up`")),
        Err(error) => {
            let fix = "stop what listens there, or choose another address with --listen";
            Finding::broken("port", format!("no server runs, and `{listen}` cannot be used: {error}"), fix)
        }
    }
}

fn clock(now: SystemTime) -> Finding {
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since < YEAR_10000 => Finding::ok("clock", rfc3339::seconds(now)),
        Ok(_) => Finding::broken("clock", "the clock is past the year 9999", SET_THE_CLOCK),
        Err(_) => Finding::broken("clock", "the clock is before 1970: no certificate can be checked", SET_THE_CLOCK),
    }
}

fn files(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < FEW_FILES => {
            let text = format!("a process may open {limit} files, so that about {limit} clients connect at most");
            Finding::note("open files", text, "ulimit -n 65536, or LimitNOFILE=65536 in the unit of systemd")
        }
        Some(limit) => Finding::ok("open files", format!("a process may open {limit}")),
        None => Finding::ok("open files", "a process may open any number"),
    }
}

fn address_space(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < ADDRESS_SPACE_BYTES => {
            let text = format!("a process may use {} GiB of address space; the sandbox reserves 1 TiB", limit >> 30);
            Finding::broken("address space", text, "ulimit -v unlimited; it costs no memory")
        }
        _ => Finding::ok("address space", "enough for the sandbox"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn low_limits_are_found() {
        assert_eq!(files(Some(1_024)).status, Status::Note);
        assert_eq!(files(Some(65_536)).status, Status::Ok);
        assert_eq!(address_space(Some(8 << 30)).status, Status::Broken);
        assert_eq!(address_space(None).status, Status::Ok);
    }
}
