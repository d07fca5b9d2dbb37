//! The recorder behind `/metrics`.

use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// How often recorded samples are aggregated.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder; once per process, before anything is counted.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let metrics = PrometheusBuilder::new().install_recorder().context("cannot install the metrics recorder")?;
    hookd_im_core::hooks::metrics::describe();
    let upkept = metrics.clone();
    // Samples of histograms pile up until somebody aggregates them; nobody may ever ask for `/metrics`. The task ends with
    // the process: it holds nothing that must be finished.
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkept.run_upkeep();
        }
    });
    Ok(metrics)
}
