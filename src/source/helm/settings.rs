//! The agent's settings in the values: the variables of `agentk8sglue.extraEnvs` that ClearML's agent reads. As there, an
//! empty variable counts as absent.

use super::Values;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::source::Text;
use std::time::Duration;

/// The post-delete command.
const POST_DELETE: &str = "CLEARML_K8S_GLUE_POD_POST_DELETE_CMD";
/// Whether Pods are watched in all namespaces.
const ALL_NAMESPACES: &str = "CLEARML_K8S_GLUE_MONITOR_ALL_NAMESPACES";
/// For how many minutes a finished Pod is kept.
const KEEP_FINISHED: &str = "K8S_GLUE_COMPLETED_POD_DELETION_DELAY_MINUTES";
/// The longest time that a finished Pod is kept: a clock can't represent arbitrarily long times.
const KEEP_LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
/// The reasons for which a waiting Pod is aborted at once.
const EVICTION_REASONS: &str = "K8S_GLUE_POD_MONITOR_EVICTION_REASONS";
/// The reasons by default.
const DEFAULT_REASONS: [&str; 2] = ["ImagePullBackOff", "InvalidImageName"];
/// The most Pods at one time.
const MAX_PODS: &str = "K8S_GLUE_MAX_PODS";
/// The worker's id, and the variable that is used without it.
const WORKER: [&str; 2] = ["CLEARML_WORKER_ID", "CLEARML_WORKER_NAME"];

impl Values {
    /// The post-delete command of a task's Pod, `CLEARML_K8S_GLUE_POD_POST_DELETE_CMD`.
    pub fn post_delete(&self) -> Option<Text> {
        self.named(POST_DELETE)
    }

    /// Whether Pods are watched in all namespaces, `CLEARML_K8S_GLUE_MONITOR_ALL_NAMESPACES`. Not by default, because it needs a
    /// ClusterRole.
    ///
    /// # Errors
    /// If the value is neither 0 nor 1.
    pub fn monitor_all_namespaces(&self) -> Result<bool, Diagnostic> {
        let Some(text) = self.named(ALL_NAMESPACES) else { return Ok(false) };
        match text.value.trim() {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err(wrong(ALL_NAMESPACES, &text, "\"1\" or \"0\"")),
        }
    }

    /// How long a finished Pod is kept, `K8S_GLUE_COMPLETED_POD_DELETION_DELAY_MINUTES`; a century at most.
    ///
    /// # Errors
    /// If the value isn't a number of minutes.
    pub fn keep_finished(&self) -> Result<Option<Duration>, Diagnostic> {
        let Some(text) = self.named(KEEP_FINISHED) else { return Ok(None) };
        let minutes = text.value.trim().parse::<f64>().ok();
        let time = minutes.and_then(|minutes| Duration::try_from_secs_f64(minutes * 60.0).ok());
        time.map(|time| Some(time.min(KEEP_LONGEST)))
            .ok_or_else(|| wrong(KEEP_FINISHED, &text, "a number of minutes, such as 10 or 0.5"))
    }

    /// The reasons for which a waiting Pod is aborted, `K8S_GLUE_POD_MONITOR_EVICTION_REASONS`: words as a shell splits them.
    ///
    /// # Errors
    /// If a quote isn't closed.
    pub fn eviction_reasons(&self) -> Result<Vec<String>, Diagnostic> {
        let Some(text) = self.named(EVICTION_REASONS) else { return Ok(DEFAULT_REASONS.map(str::to_owned).to_vec()) };
        shlex::split(&text.value).ok_or_else(|| {
            wrong(EVICTION_REASONS, &text, "words separated by spaces, such as \"ImagePullBackOff InvalidImageName\"")
        })
    }

    /// The most Pods at one time, `K8S_GLUE_MAX_PODS`; `None` for no limit, which zero means too, as in ClearML's agent.
    ///
    /// # Errors
    /// If the value isn't an integer, or is negative.
    pub fn max_pods(&self) -> Result<Option<u32>, Diagnostic> {
        let Some(text) = self.named(MAX_PODS) else { return Ok(None) };
        let most =
            text.value.trim().parse::<u32>().map_err(|_| wrong(MAX_PODS, &text, "an integer that isn't negative"))?;
        Ok((most > 0).then_some(most))
    }

    /// The worker's id: `CLEARML_WORKER_ID`, or else `CLEARML_WORKER_NAME`.
    pub fn worker_id(&self) -> Option<Text> {
        WORKER.iter().find_map(|name| self.named(name))
    }

    /// Reports every variable that can't be read.
    pub(super) fn check_settings(&self, found: &mut Diagnostics) {
        found.extend(self.monitor_all_namespaces().err());
        found.extend(self.keep_finished().err());
        found.extend(self.eviction_reasons().err());
        found.extend(self.max_pods().err());
    }
}

fn wrong(name: &str, text: &Text, wanted: &str) -> Diagnostic {
    Diagnostic::new(Code::BadValue, format!("`{name}` must be {wanted}")).at(text.span)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::diagnostic::Sources;

    /// Values whose agent has one variable, and their findings.
    fn with(name: &str, value: &str) -> (Values, Vec<String>) {
        let text = format!("agentk8sglue:\n  extraEnvs:\n  - {{name: {name}, value: {value}}}\n");
        let mut sources = Sources::new();
        let file = sources.add("values.yaml", text);
        let mut found = Diagnostics::new();
        let installation = Values::read(&mut sources, &[file], &mut found).unwrap();
        let said = found.iter().map(|d| {
            let place = sources.slice(d.primary.as_ref().unwrap().span);
            format!("{} {}: {place} {}", d.severity.word(), d.code.as_str(), d.message)
        });
        (installation, said.collect())
    }

    #[test]
    fn unset_variables_have_defaults() {
        for (name, value) in [
            ("OTHER", "1"),
            (POST_DELETE, "''"),
            (ALL_NAMESPACES, "''"),
            (KEEP_FINISHED, "' '"),
            (EVICTION_REASONS, "''"),
            (MAX_PODS, "''"),
            (WORKER[0], "''"),
        ] {
            let (values, said) = with(name, value);
            assert!(said.is_empty(), "{said:?}");
            assert_eq!(values.post_delete(), None);
            assert!(!values.monitor_all_namespaces().unwrap());
            assert_eq!(values.keep_finished().unwrap(), None);
            assert_eq!(values.eviction_reasons().unwrap(), ["ImagePullBackOff", "InvalidImageName"]);
            assert_eq!(values.max_pods().unwrap(), None);
            assert_eq!(values.worker_id(), None);
        }
    }

    #[test]
    fn set_variables_are_read() {
        let get = |name: &str, value: &str| {
            let (values, said) = with(name, value);
            assert!(said.is_empty(), "{said:?}");
            values
        };
        assert_eq!(
            get(POST_DELETE, "\"kubectl delete pvc {pod_name}\"").post_delete().unwrap().value,
            "kubectl delete pvc {pod_name}"
        );
        for (value, wanted) in [("'1'", true), ("1", true), ("' 0 '", false), ("0", false)] {
            assert_eq!(get(ALL_NAMESPACES, value).monitor_all_namespaces().unwrap(), wanted, "{value}");
        }
        for (value, seconds) in [("10", 600.0), ("'0.5'", 30.0), ("'0'", 0.0), ("'1e1'", 600.0)] {
            let wanted = Some(Duration::from_secs_f64(seconds));
            assert_eq!(get(KEEP_FINISHED, value).keep_finished().unwrap(), wanted, "{value}");
        }
        // Adding such a duration to a time would overflow.
        assert_eq!(get(KEEP_FINISHED, "'2e17'").keep_finished().unwrap(), Some(KEEP_LONGEST));
        let reasons = get(EVICTION_REASONS, "\" A  'B C' \\\\D\\\"E\\\" \"").eviction_reasons().unwrap();
        assert_eq!(reasons, ["A", "B C", "DE"]);
        for (value, wanted) in [("7", Some(7)), ("' 12 '", Some(12)), ("'0'", None)] {
            assert_eq!(get(MAX_PODS, value).max_pods().unwrap(), wanted, "{value}");
        }
        assert_eq!(get("CLEARML_WORKER_ID", "a").worker_id().unwrap().value, "a");
        let both = "b}\n  - {name: CLEARML_WORKER_ID, value: a";
        assert_eq!(get("CLEARML_WORKER_NAME", both).worker_id().unwrap().value, "a");
        assert_eq!(get("CLEARML_WORKER_NAME", "b").worker_id().unwrap().value, "b");
    }

    #[test]
    fn invalid_values_are_reported_with_their_place() {
        for (name, values) in [
            (ALL_NAMESPACES, &["yes", "true", "'2'", "'-1'"][..]),
            (KEEP_FINISHED, &["ten", "'-1'", "'1m'", "nan", "inf", "'1e300'", "-0.5"]),
            (EVICTION_REASONS, &["\"a 'b\"", "'a \"b'"]),
            (MAX_PODS, &["'-1'", "'1.5'", "many", "'99999999999'", "0x"]),
        ] {
            for value in values {
                let (installation, said) = with(name, value);
                let wanted = format!("error bad-value: {value} `{name}` must be ");
                assert!(said.len() == 1 && said[0].starts_with(&wanted), "{wanted}: {said:?}");
                let failed = [
                    installation.monitor_all_namespaces().is_err(),
                    installation.keep_finished().is_err(),
                    installation.eviction_reasons().is_err(),
                    installation.max_pods().is_err(),
                ];
                assert_eq!(failed.iter().filter(|failed| **failed).count(), 1);
            }
        }
    }
}
