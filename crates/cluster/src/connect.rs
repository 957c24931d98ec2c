//! The way to the API server: connections over which small requests don't wait, and silence doesn't last.

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

/// How long a connection may say nothing while an answer is awaited: longer than a watch lasts.
pub(super) const SILENCE: Duration = Duration::from_secs(40);
/// After how much silence the other end is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Told of each request: its method, and the status of the answer, or 0 if none came.
pub type Observer = Arc<dyn Fn(&str, u16) + Send + Sync>;

/// Makes a client.
///
/// kube's own lets the kernel hold a small request back until the end of the handshake has been acknowledged, which takes 40 ms
/// for each connection (Nagle's algorithm against delayed acknowledgement). Through a proxy kube's is used.
pub(super) fn client(mut config: Config, observer: Option<Observer>) -> kube::Result<Client> {
    config.read_timeout = Some(SILENCE);
    let namespace = config.default_namespace.clone();
    let inner = if config.proxy_url.is_some() { ClientBuilder::try_from(config)?.build() } else { direct(config)? };
    let Some(observer) = observer else { return Ok(inner) };
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, observer) = (inner.clone(), observer.clone());
        async move {
            let method = request.method().clone();
            let answer: kube::Result<Response<Body>> = client.send(request).await;
            observer(method.as_str(), answer.as_ref().map_or(0, |answer| answer.status().as_u16()));
            // The boxed error is what kube looks into for its own.
            answer.map_err(tower::BoxError::from)
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
        // The boxed error is what kube looks into for its own.
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}
