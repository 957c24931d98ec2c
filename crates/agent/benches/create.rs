//! Measures how long a plain client takes to create the same Pods, for comparison in tools/bench-launch.
//!
//! Usage: `create KUBECONFIG NAMESPACE CONCURRENCY < PODS`, with one Pod per line, as JSON. Prints the seconds from the first
//! request to the last response, and milliseconds of single requests, as JSON.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark")]

use futures_util::{StreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use std::time::Instant;

fn main() {
    // Cargo adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [kubeconfig, namespace, concurrency] = &arguments[..] else {
        println!("usage: create KUBECONFIG NAMESPACE CONCURRENCY < PODS (see tools/bench-launch)");
        return;
    };
    let concurrency: usize = concurrency.parse().expect("a number");
    let pods = std::io::stdin().lines().map(|line| serde_json::from_str(&line.expect("text")).expect("a Pod"));
    let pods: Vec<Pod> = pods.collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (seconds, mut each) = runtime.block_on(create(kubeconfig, namespace, concurrency, pods));
    each.sort_by(f64::total_cmp);
    let at = |share: usize| each.get(each.len() * share / 100).copied().unwrap_or_default() * 1000.0;
    println!("{}", serde_json::json!({"pods": each.len(), "seconds": seconds, "p50_ms": at(50), "p99_ms": at(99)}));
}

async fn create(kubeconfig: &str, namespace: &str, concurrency: usize, pods: Vec<Pod>) -> (f64, Vec<f64>) {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let client = kube::Client::try_from(config.expect("a configuration")).expect("a client");
    let api: Api<Pod> = Api::namespaced(client, namespace);
    let started = Instant::now();
    let all = stream::iter(pods).map(|pod| {
        let api = api.clone();
        async move {
            let started = Instant::now();
            api.create(&PostParams::default(), &pod).await.expect("can't create the Pod");
            started.elapsed().as_secs_f64()
        }
    });
    let each = all.buffer_unordered(concurrency).collect().await;
    (started.elapsed().as_secs_f64(), each)
}
