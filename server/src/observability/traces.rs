//! Traces, sent over OTLP to a collector. Off unless an endpoint is given.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;

use crate::error::{ConfigError, ServerError, Step as _};

/// The variable by which OpenTelemetry names a service.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// How long the last spans may take at the end of the process.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// Spans on their way to the collector.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends the spans of this process to `endpoint`, the base URL of an OTLP receiver (HTTP, protobuf), as those of
    /// `service`. Other variables of OpenTelemetry (`OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS` …) apply.
    ///
    /// # Errors
    /// The endpoint is not an `http://` URL.
    pub fn start(endpoint: &str, service: &'static str) -> Result<Self, ServerError> {
        if !endpoint.starts_with("http://") {
            let problem = format!("`{endpoint}` is not an endpoint for traces: spans are sent over plain HTTP only");
            let hint = "give the OTLP/HTTP port of a collector near by, e.g. --otlp-endpoint http://127.0.0.1:4318";
            return Err(ConfigError::new(problem, hint).into());
        }
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let exporter = OtlpExporter::builder().with_http().with_endpoint(url).build();
        let exporter = exporter.step(|| format!("cannot send traces to `{endpoint}`"))?;
        let name = std::env::var(SERVICE_NAME).unwrap_or_else(|_| service.to_owned());
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(OnRuntime { exporter: Arc::new(exporter), runtime: Handle::current() })
            .with_resource(Resource::builder().with_service_name(name).build())
            .build();
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        hookd_runtime::enable_traces();
        hookd_im_core::trace::enable();
        Ok(Self(provider))
    }

    /// Sends the remaining spans.
    pub async fn finish(self) {
        // Blocks until the exporting thread is done, which needs this runtime for its connections.
        let finishing = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST_SPANS));
        match finishing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the last spans were not sent: {error}"),
            Err(error) => tracing::warn!("the last spans were not sent: {error}"),
        }
    }
}

/// Spans are exported from a thread without a runtime; the exporter's connections need one.
#[derive(Debug)]
struct OnRuntime {
    exporter: Arc<OtlpExporter>,
    runtime: Handle,
}

impl SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = self.exporter.clone();
        let exporting = self.runtime.spawn(async move { exporter.export(batch).await });
        exporting.await.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Called once, before anything is exported.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}
