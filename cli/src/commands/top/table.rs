//! The table of `hookd top`.

use super::rates::{FunctionRate, Rates};

/// At most `rows` lines; the last one counts the functions that do not fit.
pub fn render(rates: &Rates, rows: usize) -> String {
    let mut lines = head(rates);
    let cells: Vec<[String; 8]> = rates.functions.iter().map(cells).collect();
    let titles = ["APP", "FUNCTION", "CALLS/S", "P50", "P99", "FAILED", "CALLS", "MEMORY"].map(str::to_owned);
    let room = rows.saturating_sub(lines.len() + 2).max(1);
    let shown = cells.iter().take(room);
    let table: Vec<&[String; 8]> = std::iter::once(&titles).chain(shown).collect();
    let mut widths = [0; 8];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row.iter()) {
            *width = cell.chars().count().max(*width);
        }
    }
    lines.extend(table.iter().map(|row| {
        let cells = row.iter().zip(widths).enumerate().map(|(at, (cell, width))| match at {
            0 | 1 | 5 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }));
    if rates.functions.is_empty() {
        lines.push("nothing is deployed; `hookd deploy` does that".to_owned());
    } else if cells.len() > room {
        lines.push(format!("({} more)", cells.len() - room));
    }
    lines.join("\n")
}

fn head(rates: &Rates) -> Vec<String> {
    // An empty sum of floats is -0.0.
    let calls = rates.functions.iter().map(|function| function.calls_per_second).fold(0.0, |sum, calls| sum + calls);
    let running: u64 = rates.apps.iter().map(|app| app.running).sum();
    let queued: u64 = rates.apps.iter().map(|app| app.queued).sum();
    let apps = match rates.apps.as_slice() {
        [one] => format!("app {}", one.app),
        apps => format!("{} apps", apps.len()),
    };
    let mut lines = vec![format!("{apps}  {} calls/s  {running} running  {queued} queued", rate(calls))];
    if let Some(engine) = &rates.engine {
        lines.push(format!(
            "engine  {} instances  guest memory {} of {}  {} modules loaded",
            engine.running_instances,
            bytes(engine.guest_memory_bytes),
            bytes(engine.guest_memory_budget_bytes),
            engine.loaded_modules
        ));
    }
    lines.push(String::new());
    lines
}

fn cells(function: &FunctionRate) -> [String; 8] {
    let failures: Vec<String> = function.failures.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
    [
        function.app.clone(),
        function.function.clone(),
        rate(function.calls_per_second),
        function.p50_seconds.map_or_else(|| "-".to_owned(), duration),
        function.p99_seconds.map_or_else(|| "-".to_owned(), duration),
        if failures.is_empty() { "-".to_owned() } else { failures.join(", ") },
        function.calls.to_string(),
        bytes(function.peak_memory_bytes),
    ]
}

fn rate(per_second: f64) -> String {
    if per_second >= 100.0 { format!("{per_second:.0}") } else { format!("{per_second:.1}") }
}

fn duration(seconds: f64) -> String {
    if seconds >= 1.0 {
        format!("{seconds:.1}s")
    } else if seconds >= 0.001 {
        format!("{:.1}ms", seconds * 1e3)
    } else {
        format!("{:.0}us", seconds * 1e6)
    }
}

fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.iter().find(|(_, unit)| bytes >= *unit);
    unit.map_or_else(|| format!("{bytes} B"), |(name, unit)| format!("{:.1} {name}", bytes as f64 / *unit as f64))
}

#[cfg(test)]
mod tests {
    use super::super::rates::AppNow;
    use super::*;

    fn rates(functions: usize) -> Rates {
        let functions = (0..functions).map(|number| FunctionRate {
            app: "demo".to_owned(),
            function: format!("_hook{number}"),
            calls_per_second: 12.34,
            p50_seconds: Some(0.000_012),
            p99_seconds: Some(0.25),
            failures: [("timeout".to_owned(), 3)].into(),
            calls: 77,
            peak_memory_bytes: 1 << 20,
        });
        let apps = vec![AppNow { app: "demo".to_owned(), running: 2, queued: 5 }];
        Rates { seconds: 2.0, engine: None, apps, functions: functions.collect() }
    }

    #[test]
    fn a_row_tells_rates_latencies_failures_and_memory() {
        let expected = "\
app demo  12.3 calls/s  2 running  5 queued

APP   FUNCTION  CALLS/S   P50      P99  FAILED     CALLS   MEMORY
demo  _hook0       12.3  12us  250.0ms  timeout 3     77  1.0 MiB";
        assert_eq!(render(&rates(1), 40), expected);
    }

    #[test]
    fn functions_that_do_not_fit_are_counted() {
        let text = render(&rates(30), 10);
        assert_eq!(text.lines().count(), 10);
        assert!(text.ends_with("(24 more)"), "{text}");
    }

    #[test]
    fn nothing_deployed_is_said() {
        assert!(render(&rates(0), 40).contains("hookd deploy"));
    }
}
