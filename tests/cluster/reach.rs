//! Clusters that can't be reached, and kubeconfigs that are wrong.

use crate::harness::{Place, kubeconfig, run};
use std::fs;
use std::path::PathBuf;

/// A kubeconfig like the real one, changed, in a file of its own.
fn changed(place: &Place, change: impl Fn(String) -> String) -> PathBuf {
    let file = std::env::temp_dir().join(format!("{}.yaml", place.namespace));
    fs::write(&file, change(fs::read_to_string(kubeconfig()).unwrap())).unwrap();
    file
}

#[test]
fn a_server_that_isnt_there_is_given_up_soon() {
    let place = Place::new("unreachable");
    let file = changed(&place, |text| text.replace(crate::harness::server(), "https://127.0.0.1:1"));
    let started = std::time::Instant::now();
    let words = ["error[api-unreachable]", "https://127.0.0.1:1", "refused"];
    place.apply_by(&file, "claim", &[]).refused(5, &words);
    assert!(started.elapsed().as_secs() < 20);
    fs::remove_file(file).unwrap();
}

#[test]
fn a_certificate_that_isnt_trusted_is_given_up_at_once() {
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
fn a_token_that_isnt_known_is_refused() {
    let place = Place::new("token");
    let file = changed(&place, |text| text.replace("token: \"", "token: \"x"));
    place.apply_by(&file, "claim", &[]).refused(5, &["error[api-forbidden]", "log in anew"]);
    fs::remove_file(file).unwrap();
}

#[test]
fn kubeconfigs_that_are_wrong_are_told_apart() {
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
}

#[test]
fn a_namespace_that_isnt_there_is_told() {
    let mut place = Place::new("gone");
    let real = std::mem::replace(&mut place.namespace, "no-such-namespace".to_owned());
    let ran = place.apply("claim", &[]);
    place.namespace = real;
    ran.refused(1, &["error[api-refused]", "there is no namespace no-such-namespace", "kubectl create namespace"]);
}
