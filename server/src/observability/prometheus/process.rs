//! Resources of the process itself, for every server process.

use tokio::runtime::Handle;

use super::Exposition;
use crate::process::output_streams;

/// In Prometheus' text format. Values that the system does not report are left out.
pub(super) fn render() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok())
    };
    let resident = number("VmRSS:").and_then(|kibibytes| kibibytes.checked_mul(1_024));
    // Its own handle is not counted.
    let open_files = std::fs::read_dir("/proc/self/fd").ok().map(|files| (files.count() as u64).saturating_sub(1));
    let tasks = Handle::try_current().ok().map(|runtime| runtime.metrics().num_alive_tasks() as u64);
    let metrics = [
        ("process_resident_memory_bytes", "gauge", "Memory of the process in RAM, in bytes.", resident),
        ("process_open_fds", "gauge", "Open files, sockets and pipes of the process.", open_files),
        ("process_threads", "gauge", "Threads of the process.", number("Threads:")),
        ("hookd_tasks", "gauge", "Tasks that have not ended.", tasks),
        (
            "hookd_server_log_lines_lost_total",
            "counter",
            "Lines of the server's own log that its reader was too slow for, or away.",
            Some(output_streams::lost_lines()),
        ),
    ];
    let mut text = Exposition(String::new());
    text.single(metrics.into_iter().filter_map(|(name, kind, help, value)| Some((name, kind, help, value?))));
    text.0
}
