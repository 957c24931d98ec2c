//! Paths and expressions that nest too deeply or take too long to parse.

use super::harness::{HEAD, accepts, annotation, path, rejects};

#[test]
fn paths_too_deep_or_too_long() {
    for text in [
        format!("${}", "[".repeat(100_000)),
        format!("${}", "[?@".repeat(100_000)),
        format!("$[?{}", "(".repeat(100_000)),
        format!("${}", "[?@".repeat(1000)),
        format!("$[?{}@.a]", "!".repeat(3000)),
        "$[99999999999999999999999]".to_owned(),
        "$['\\ud800']".to_owned(),
        "$..[?match(@, '((a{100}){100}){100}')]".to_owned(),
        format!("$..[?search(@, '{}')]", "(".repeat(30)),
        format!("$[?{}@{}==1]", "length(".repeat(9), ")".repeat(9)),
        "$.é..ü['日本'][?@.ö=='ä' && @ @]".to_owned(),
    ] {
        rejects(&text[..text.len().min(30)], &path(&text), "bad-path");
    }
    for text in [
        format!("$[?{}@.a{}]", "(".repeat(31), ")".repeat(31)),
        format!("$.zz{}", "[*,*,*,*,*,*,*,*]".repeat(200)),
        format!("$.zz[?{}@.a]", "@.a&&".repeat(600)),
        "$..zz[?search(@, '(a*)*b')]".to_owned(),
        "$.zz[-9007199254740991:9007199254740991:-9007199254740991]".to_owned(),
        "$..zz[?@..[?@..[?@..[?@..*]]]]".to_owned(),
    ] {
        accepts(&text[..text.len().min(30)], &path(&text));
    }
    rejects("deep", &path(&format!("${}", ".a".repeat(2000))), "limit-exceeded");
    rejects("far", &path("$.spec.x[9007199254740991]"), "operation-failed");
}

#[test]
fn descendants_of_descendants() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let leaf: String = names.iter().map(|name| format!("{name}: [1,2,3,4,5,6,7,8], ")).collect();
    let tree: String = names.iter().map(|name| format!("{name}: {{{leaf}}}, ")).collect();
    let rules = format!(
        "{HEAD}rules:\n- name: r\n  do:\n    - set: {{path: $.x, value: {{{tree}}}}}\n    \
         - set: {{path: '$..[?$..[?$..[?$..zz]]]', value: 1, optional: true}}\n"
    );
    // A path that exceeds the limit must not count as matching nothing, which `optional` would accept.
    rejects("filters", &rules, "limit-exceeded");
    let each = |inner: &str| format!("[{{forEach: {{in: '$..*', do: {inner}}}}}]");
    let rules = format!(
        "{HEAD}rules:\n- name: r\n  do:\n    - set: {{path: $.x, value: {{{tree}}}}}\n    - forEach: {{in: '$..*', do: {}}}\n",
        each(&each(&each("[{set: {path: $.spec.zz, value: 1}}]")))
    );
    rejects("forEach", &rules, "limit-exceeded");
    rejects(
        "forEach of nothing",
        &rules.replace("{set: {path: $.spec.zz, value: 1}}", "{remove: {path: '@..zz'}}"),
        "limit-exceeded",
    );
}

#[test]
fn expressions_too_deep_or_too_long() {
    let closed =
        |open: &str, middle: &str, close: &str, n: usize| [open.repeat(n), middle.into(), close.repeat(n)].concat();
    for text in [
        "(".repeat(100_000),
        closed("(", "1", ")", 40),
        closed("(", "1", ")", 64),
        closed("if true { ", "", "}", 60),
        closed("`${", "1", "}`", 30),
        closed("switch 1 { 1 => ", "1", "}", 60),
        closed("#{a: ", "1", "}", 60),
        "!".repeat(60_000) + "true",
        "- + ".repeat(10_000) + "1",
        "-/**/".repeat(10_000) + "1",
        "task".to_owned() + ".b".repeat(20_000).as_str(),
        "task".to_owned() + "[0]".repeat(20_000).as_str(),
        "task".to_owned() + ".get(\"a\")".repeat(5000).as_str(),
        "1".to_owned() + "+1".repeat(20_000).as_str(),
        "1".to_owned() + "**1".repeat(15_000).as_str(),
        "true".to_owned() + "||true".repeat(9000).as_str(),
        "()".to_owned() + "??()".repeat(10_000).as_str(),
        "1".to_owned() + " in 1".repeat(9000).as_str(),
        "||".repeat(20_000) + "1",
        "|a| ".repeat(10_000) + "1",
        "/*".repeat(20_000),
        "return ".repeat(9000),
        "#".repeat(60_000),
        "1.".repeat(10_000),
        "日 + é +".to_owned(),
        "日本語 + é".to_owned(),
    ] {
        let start: String = text.chars().take(30).collect();
        let value = format!("\"${{{}}}\"", text.replace('"', "\\\""));
        rejects(&start, &annotation(&value), "bad-expression");
    }
    for text in ["if a {} ".to_owned() + "else if b {}".repeat(5000).as_str(), "a = ".repeat(5000) + "1"] {
        rejects("names", &annotation(&format!("'${{{text}}}'")), "unknown-variable");
    }
    for text in ["${", "${\"", "${`${`${", "x ${ } ${", "日${本"] {
        rejects(text, &annotation(&format!("'{text}'")), "bad-expression");
    }
}

#[test]
fn many_expressions() {
    let ended = accepts("in one text", &annotation(&format!("'{}'", "${1}".repeat(50_000))));
    assert!(ended.stdout.contains("11111"));
    rejects("bad ones in one text", &annotation(&format!("'{}'", "${+}".repeat(100_000))), "bad-expression");
    rejects("open ones", &annotation(&format!("'{}'", "${".repeat(1_000_000))), "bad-expression");
    rejects("in a list", &annotation(&format!("[{}]", "'${1}',".repeat(150_000))), "limit-exceeded");
    let long = format!("'${{\"{}\"}}'", "x".repeat(60_000));
    let rules = annotation(&format!("[{}]", format!("{long},").repeat(60)));
    rejects("long ones", &rules, "wrong-field-type");
    let vars = format!(
        "{HEAD}vars: {{a: {long}}}\nrules:\n- name: r\n  do:\n    - set: {{path: $.x, value: [{}]}}\n",
        "'${vars.a}',".repeat(1000)
    );
    rejects("the values they insert", &vars, "limit-exceeded");
}

#[test]
fn variables_that_depend_on_each_other() {
    let rules = |vars: &str, use_of: &str| {
        format!("{HEAD}vars:\n{vars}rules:\n- name: r\n  do:\n    - set: {{path: $.spec.x, value: '${{{use_of}}}'}}\n")
    };
    rejects("static", &rules("  a: \"${vars.b}\"\n  b: \"${vars.a}\"\n", "vars.a"), "vars-cycle");
    rejects("itself", &rules("  a: \"${vars.a}\"\n", "vars.a"), "vars-cycle");
    rejects("dynamic", &rules("  ab: \"${vars['a' + 'b']}\"\n", "vars.ab"), "expression-failed");
    let chain = |n: usize, one: fn(usize) -> String| -> String {
        (0..n).map(one).collect::<String>() + format!("  a{n}: 1\n").as_str()
    };
    let direct = chain(3000, |i| format!("  a{i}: \"${{vars.a{}}}\"\n", i + 1));
    rejects("a long chain", &rules(&direct, "vars.a0"), "limit-exceeded");
    let computed = chain(3000, |i| format!("  a{i}: \"${{vars[`a{}`]}}\"\n", i + 1));
    rejects("a long chain of computed names", &rules(&computed, "vars.a0"), "limit-exceeded");
    let circle = chain(3000, |i| format!("  a{i}: \"${{vars.a{}}}\"\n", (i + 1) % 3000));
    rejects("a long cycle", &rules(&circle, "vars.a0"), "vars-cycle");
    let short = chain(12, |i| format!("  a{i}: \"${{vars.a{}}}\"\n", i + 1));
    accepts("a short chain", &rules(&short, "vars.a0"));
}
