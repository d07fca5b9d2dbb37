use reqwest::ClientBuilder;

/// A client without a proxy and without TLS.
pub fn http_client() -> ClientBuilder {
    // Fails when another test of this process did it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}
