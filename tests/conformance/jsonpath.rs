use crate::{all_pass, suite};
use podrules::edit::Pointer;
use podrules::path::Path;
use serde_json::Value;

const FROM: &str = "github.com/jsonpath-standard/jsonpath-compliance-test-suite at 7be7c1f";

/// The results that a case allows.
fn allowed<'c>(case: &'c Value, one: &str, several: &str) -> Vec<&'c Value> {
    match (case.get(one), case.get(several).and_then(Value::as_array)) {
        (Some(only), _) => vec![only],
        (None, Some(many)) => many.iter().collect(),
        (None, None) => Vec::new(),
    }
}

fn check(case: &Value) -> Result<(), String> {
    let selector = case["selector"].as_str().unwrap_or_default();
    let parsed = Path::parse(selector);
    if case["invalid_selector"] == true {
        return match parsed {
            Ok(_) => Err("accepted, but it is invalid".to_owned()),
            Err(error) if error.offset > selector.len() || error.message.is_empty() => Err(format!("{error:?}")),
            Err(_) => Ok(()),
        };
    }
    let path = parsed.map_err(|error| format!("refused at {}: {error}", error.offset))?;
    let document = &case["document"];
    let found = path.select(document);
    let values: Vec<&Value> = found.iter().filter_map(|at| at.get(document)).collect();
    let values = serde_json::to_value(values).map_err(|error| error.to_string())?;
    let paths: Value = found.iter().map(Pointer::normalized).collect();
    let expected = allowed(case, "result", "results");
    if !expected.contains(&&values) {
        return Err(format!("gave {values}"));
    }
    let expected = allowed(case, "result_paths", "results_paths");
    if !expected.contains(&&paths) {
        return Err(format!("at {paths}"));
    }
    if let Some(at) = path.singular().and_then(|_| path.resolve_singular(document, &Pointer::root())) {
        let resolved: Vec<Pointer> = Some(at).filter(|at| at.get(document).is_some()).into_iter().collect();
        if resolved != found {
            return Err(format!("the singular path resolves to {resolved:?}"));
        }
    }
    Ok(())
}

#[test]
fn rfc_9535() {
    let Some(suite) = suite("jsonpath-rfc9535", "cts.json", FROM) else { return };
    let cases = suite["tests"].as_array().cloned().unwrap_or_default();
    let refused = cases.iter().filter(|case| case["invalid_selector"] == true).count();
    assert_eq!((cases.len(), refused), (703, 247));
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|why| format!("{} {}: {why}", case["name"], case["selector"])))
        .collect();
    all_pass(&failures);
}
