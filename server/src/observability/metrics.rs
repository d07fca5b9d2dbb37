//! The recorder behind `/metrics`.

use std::time::Duration;

use hookd_runtime::LATENCY_BOUNDS;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::error::{ServerError, Step as _};
use crate::gateway::outgoing_rates;

/// How often recorded samples are aggregated.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder; once per process, before anything is counted.
pub fn install() -> Result<PrometheusHandle, ServerError> {
    // Without bounds a histogram becomes a summary, which cannot be added up over processes.
    let bounds: Vec<f64> = LATENCY_BOUNDS.iter().map(Duration::as_secs_f64).collect();
    let builder =
        PrometheusBuilder::new().set_buckets(&bounds).step(|| "cannot set the bounds of histograms".to_owned())?;
    let metrics = builder.install_recorder().step(|| "cannot install the metrics recorder".to_owned())?;
    hookd_im_core::hooks::metrics::describe();
    hookd_im_core::client_rates::metrics::describe();
    hookd_im_core::messages::will_metrics::describe();
    outgoing_rates::describe();
    let upkept = metrics.clone();
    // Samples of histograms pile up until they are aggregated, and `/metrics` may never be requested. The task ends
    // with the process: it holds nothing that must be finished.
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkept.run_upkeep();
        }
    });
    Ok(metrics)
}
