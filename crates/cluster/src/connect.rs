//! The connection to the API server: without delays for small requests, and with a bound on silence.

use http::{Request, Response};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::Config;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceBuilder;

/// The time without data after which a connection counts as lost. Watches are shorter.
const READ_TIMEOUT: Duration = Duration::from_secs(40);
/// The time without data after which TCP probes the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Called after each attempt to send a request, with its method and the status of the response, 0 if there was none.
pub type Observer = Arc<dyn Fn(&str, u16) + Send + Sync>;

/// A client for a configuration.
///
/// It differs from kube's own in that it sets TCP_NODELAY: otherwise the kernel holds a small request back until the end of the
/// TLS handshake is acknowledged, 40 ms for each connection (Nagle's algorithm and delayed acknowledgement). Through a proxy,
/// kube's client is used.
pub(super) fn client(mut config: Config, observer: Option<Observer>) -> kube::Result<Client> {
    config.read_timeout = Some(READ_TIMEOUT);
    let namespace = config.default_namespace.clone();
    let inner = if config.proxy_url.is_some() { ClientBuilder::try_from(config)?.build() } else { direct(config)? };
    let Some(observer) = observer else { return Ok(inner) };
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, observer) = (inner.clone(), observer.clone());
        async move {
            let method = request.method().clone();
            let response: kube::Result<Response<Body>> = client.send(request).await;
            observer(method.as_str(), response.as_ref().map_or(0, |response| response.status().as_u16()));
            // kube downcasts the boxed error to its own.
            response.map_err(tower::BoxError::from)
        }
    });
    Ok(Client::new(service, namespace))
}

fn direct(config: Config) -> kube::Result<Client> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE));
    connector.set_keepalive_interval(Some(KEEP_ALIVE / 4));
    connector.set_keepalive_retries(Some(3));
    connector.set_connect_timeout(config.connect_timeout);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    let http: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        // kube downcasts the boxed error to its own.
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}
