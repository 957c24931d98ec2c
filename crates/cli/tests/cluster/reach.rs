//! Clusters that can't be reached, and kubeconfigs that are wrong.

use crate::harness::{Place, kubeconfig, run};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A modified copy of the real kubeconfig, in its own file.
fn changed(place: &Place, change: impl Fn(String) -> String) -> PathBuf {
    let file = std::env::temp_dir().join(format!("{}.yaml", place.namespace));
    fs::write(&file, change(fs::read_to_string(kubeconfig()).unwrap())).unwrap();
    file
}

#[test]
fn an_unreachable_server_fails_soon() {
    let place = Place::new("unreachable");
    let file = changed(&place, |text| text.replace(crate::harness::server(), "https://127.0.0.1:1"));
    let started = std::time::Instant::now();
    let words = ["error[api-unreachable]", "https://127.0.0.1:1", "refused"];
    place.apply_by(&file, "claim", &[]).refused(5, &words);
    assert!(started.elapsed().as_secs() < 20);
    fs::remove_file(file).unwrap();
}

#[test]
fn an_untrusted_certificate_fails_at_once() {
    let place = Place::new("untrusted");
    let file = changed(&place, |text| {
        let at = text.find(", certificate-authority-data").unwrap();
        let end = at + text[at..].find('}').unwrap();
        format!("{}{}", &text[..at], &text[end..])
    });
    place.apply_by(&file, "claim", &[]).refused(5, &["error[api-unreachable]", "certificate"]);
    fs::remove_file(file).unwrap();
}

#[test]
fn an_unknown_token_is_refused() {
    let place = Place::new("token");
    let file = changed(&place, |text| text.replace("token: \"", "token: \"x"));
    place.apply_by(&file, "claim", &[]).refused(5, &["error[api-forbidden]", "log in again"]);
    fs::remove_file(file).unwrap();
}

#[test]
fn each_kubeconfig_mistake_has_its_own_message() {
    let place = Place::new("kubeconfig");
    let nowhere = PathBuf::from("/no/such/kubeconfig");
    place.apply_by(&nowhere, "claim", &[]).refused(3, &["error[kubeconfig]", "/no/such/kubeconfig"]);
    let words = ["error[kubeconfig]", "nonsense", "kubectl config get-contexts"];
    place.apply("claim", &["--kube-context", "nonsense"]).refused(3, &words);
    let file = changed(&place, |_| "apiVersion: [".to_owned());
    place.apply_by(&file, "claim", &[]).refused(3, &["error[kubeconfig]"]);
    fs::remove_file(file).unwrap();
    let mut command = place.command("claim");
    command.env("HOME", "/no/such/home");
    run(command).refused(3, &["error[kubeconfig]: no cluster is configured"]);
    let mut command = place.command("claim");
    command
        .env("HOME", "/no/such/home")
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", "1");
    run(command).refused(3, &["the cluster that this Pod runs in can't be used", "mount a ServiceAccount's token"]);
}

#[test]
fn a_missing_namespace_is_reported() {
    let mut place = Place::new("gone");
    let real = std::mem::replace(&mut place.namespace, "no-such-namespace".to_owned());
    let ran = place.apply("claim", &[]);
    place.namespace = real;
    ran.refused(
        1,
        &["error[api-refused]", "the namespace no-such-namespace doesn't exist", "kubectl create namespace"],
    );
}

#[test]
fn a_proxy_from_the_kubeconfig_or_the_environment_is_used() {
    let place = Place::new("proxy");
    let (address, used) = proxy();
    let named = format!("cluster: {{proxy-url: \"http://{address}\", server");
    let file = changed(&place, |text| text.replace("cluster: {server", &named));
    place.apply_by(&file, "labelled", &[]).fine();
    let first = used.load(Ordering::Relaxed);
    assert!(first > 0);
    fs::remove_file(file).unwrap();
    let mut command = place.command("labelled");
    command.arg("--kubeconfig").arg(kubeconfig()).env("HTTPS_PROXY", format!("http://{address}"));
    run(command).fine();
    assert!(used.load(Ordering::Relaxed) > first);
    let mut command = place.command("labelled");
    command.arg("--kubeconfig").arg(kubeconfig()).env("HTTPS_PROXY", "http://127.0.0.1:1").env("NO_PROXY", "127.0.0.1");
    run(command).fine();
}

/// A tunnelling proxy that counts its connections.
fn proxy() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let used = Arc::new(AtomicUsize::new(0));
    let count = used.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    client.read_exact(&mut byte).unwrap();
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
                let mut server = TcpStream::connect(target).unwrap();
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
                let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let _ = std::io::copy(&mut server, &mut client);
            });
        }
    });
    (address, used)
}

#[test]
fn credentials_can_come_from_a_plugin() {
    let place = Place::new("plugin");
    let text = fs::read_to_string(kubeconfig()).unwrap();
    let at = text.find("{token: ").unwrap();
    let end = at + text[at..].find('}').unwrap() + 1;
    let token = text[at + "{token: ".len()..end - 1].trim_matches('"').to_owned();
    let credential = format!(
        r#"{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}"#
    );
    let plugin = |script: &str| {
        let exec = serde_json::json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
            "interactiveMode": "Never",
        }});
        changed(&place, |_| format!("{}{exec}{}", &text[..at], &text[end..]))
    };
    let file = plugin(&format!("echo '{credential}'"));
    place.apply_by(&file, "labelled", &[]).fine();
    let file_again = plugin("echo hidden; echo no login >&2; exit 3");
    place
        .apply_by(&file_again, "labelled", &[])
        .refused(3, &["error[kubeconfig]", "the command that gets credentials failed (exit status: 3): no login"]);
    fs::remove_file(file).unwrap();
}
