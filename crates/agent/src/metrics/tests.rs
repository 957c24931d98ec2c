#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// Metrics with at least one series each.
fn all() -> Metrics {
    let metrics = Metrics::new();
    metrics.launched("train", 0.3);
    metrics.launch_failed("train", "rule-failed");
    metrics.rule("gpus", true);
    metrics.hook(0.1);
    metrics.command("pre-apply", false, 1.0);
    metrics.api("PATCH", 201);
    metrics.ended("train", "completed");
    metrics.pods(&HashMap::from([(("train".to_owned(), "running"), 2)]));
    metrics.waiting(&HashMap::from([("train".to_owned(), 5)]));
    metrics
}

#[test]
fn metrics_show_what_was_counted() {
    let metrics = all();
    metrics.launched("train", 600.0);
    metrics.rule("gpus", false);
    metrics.rule("gpus", false);
    metrics.api("GET", 0);
    metrics.api("GET", 9_999);
    metrics.leader(true);
    metrics.events_dropped();
    metrics.clone().source_faults();
    let text = metrics.text();
    for line in [
        "# TYPE podrules_launch_seconds histogram",
        "# UNIT podrules_launch_seconds seconds",
        "podrules_launch_seconds_bucket{le=\"0.25\",queue=\"train\"} 0",
        "podrules_launch_seconds_bucket{le=\"0.5\",queue=\"train\"} 1",
        "podrules_launch_seconds_bucket{le=\"60.0\",queue=\"train\"} 1",
        "podrules_launch_seconds_bucket{le=\"+Inf\",queue=\"train\"} 2",
        "podrules_launch_seconds_sum{queue=\"train\"} 600.3",
        "podrules_launch_failures_total{queue=\"train\",code=\"rule-failed\"} 1",
        "podrules_rules_total{rule=\"gpus\",result=\"applied\"} 1",
        "podrules_rules_total{rule=\"gpus\",result=\"failed\"} 2",
        "podrules_hook_seconds_count 1",
        "podrules_command_seconds_count{command=\"pre-apply\",result=\"failed\"} 1",
        "podrules_api_requests_total{method=\"PATCH\",code=\"201\"} 1",
        "podrules_api_requests_total{method=\"GET\",code=\"error\"} 1",
        "podrules_api_requests_total{method=\"GET\",code=\"other\"} 1",
        "podrules_tasks_ended_total{queue=\"train\",end=\"completed\"} 1",
        "podrules_pods{queue=\"train\",state=\"running\"} 2",
        "podrules_tasks_waiting{queue=\"train\"} 5",
        "podrules_leader 1",
        "podrules_events_dropped_total 1",
        "podrules_source_faults_total 1",
        concat!("podrules_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(text.lines().any(|have| have == line), "no `{line}` in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn series_of_gauges_are_replaced_together() {
    let metrics = all();
    let pods = [(("train".to_owned(), "failed"), 1), (("a".to_owned(), "running"), 3)];
    metrics.pods(&HashMap::from(pods));
    metrics.waiting(&HashMap::new());
    let text = metrics.text();
    let have: Vec<&str> =
        text.lines().filter(|line| line.starts_with("podrules_pods{") || line.contains("_waiting{")).collect();
    assert_eq!(
        have,
        ["podrules_pods{queue=\"a\",state=\"running\"} 3", "podrules_pods{queue=\"train\",state=\"failed\"} 1"]
    );
}

#[test]
fn no_name_breaks_a_line() {
    let metrics = Metrics::new();
    for name in ["\"} 1\npodrules_leader 7\n", "\\", "a\\\"", "\r", "{}", ""] {
        metrics.launch_failed(name, name);
        metrics.rule(name, true);
        metrics.waiting(&HashMap::from([(name.to_owned(), 1)]));
    }
    let text = metrics.text();
    assert!(text.contains("{queue=\"\\\"} 1␊podrules_leader 7␊\",code=\""), "{text}");
    assert!(!text.contains("\npodrules_leader 7"), "{text}");
}

#[test]
fn queues_beyond_the_limit_share_a_series() {
    let metrics = Metrics::new();
    let many = HashMap::from_iter((0..MAX_NAMES + 20).map(|number| (number.to_string(), 1)));
    metrics.waiting(&many);
    metrics.ended("one more", "completed");
    let text = metrics.text();
    assert!(text.contains("podrules_tasks_waiting{queue=\"other\"} 20\n"), "{text}");
    assert!(text.contains("podrules_tasks_ended_total{queue=\"other\",end=\"completed\"} 1\n"));
}

#[test]
fn no_value_spoils_a_sum() {
    let metrics = Metrics::new();
    for seconds in [f64::NAN, f64::INFINITY, -3.0, 0.5] {
        metrics.hook(seconds);
    }
    let text = metrics.text();
    assert!(text.contains("podrules_hook_seconds_sum 0.5\n") && text.contains("podrules_hook_seconds_count 4\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn process_metrics_are_plausible() {
    let text = Metrics::new().text();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.expect(name).parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes") > 100_000.0);
    assert!(value("process_open_fds") >= 1.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    // After 2001, and not in the future.
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((1e9..now + 60.0).contains(&value("process_start_time_seconds")));
}

/// Name → type and labels, from the table in the documentation.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = include_str!("../../../../docs/metrics.md");
    let code = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows = page.lines().filter(|line| line.starts_with("| `podrules_") || line.starts_with("| `process_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let labels = cells[2].split(',').map(code).filter(|label| !label.is_empty()).collect();
        (code(cells[0]), (code(cells[1]), labels))
    })
    .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_page_lists_all_metrics() {
    let mut exposed = BTreeMap::new();
    let text = all().text();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let name = match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        };
        let series = text.lines().find(|line| !line.starts_with('#') && line.starts_with(&name)).expect(&name);
        let labels = series.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        let labels = labels.filter(|label| label != "le").collect::<BTreeSet<String>>();
        exposed.insert(name, (kind.to_owned(), labels));
    }
    assert_eq!(documented(), exposed);
}
