//! Rules files that are too large, too deep, or wrong in too many places.

use super::harness::{Folder, HEAD, TASK, accepts, library, rejects};
use std::fmt::Write as _;

/// `count` levels, each of which refers nine times to the one before.
fn bomb(count: usize, level: impl Fn(usize) -> String) -> String {
    (1..count).map(level).collect()
}

#[test]
fn aliases_that_multiply() {
    let nine = |i: usize| vec![format!("*a{}", i - 1); 9].join(", ");
    let lists =
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned() + bomb(12, |i| format!("a{i}: &a{i} [{}]\n", nine(i))).as_str();
    rejects("laughs", &lists, "limit-exceeded");
    let merges =
        "a0: &a0 {k: 1}\n".to_owned() + bomb(12, |i| format!("a{i}: &a{i} {{<<: [{}], k{i}: 1}}\n", nine(i))).as_str();
    rejects("merges", &merges, "limit-exceeded");
    let wide: String = (0..50_000).map(|i| format!("k{i}: 1, ")).collect();
    let many: String = (0..50_000).map(|i| format!("{{z{i}: 1}}, ")).collect();
    rejects("wide", &format!("b: &b {{{wide}}}\nc:\n  <<: [*b, {many}]\n  d: 1\n"), "unknown-key");
    rejects("used", &format!("a: &a x\nb: [{}]", "*a,".repeat(1_100_000)), "limit-exceeded");
    for cycle in ["a: &a [*a]\n", "a: &a {<<: *a}\n", "&a {*a : b}\n", "a: *b\n"] {
        rejects(cycle, cycle, "yaml");
    }
}

#[test]
fn endless_nesting() {
    for (text, code) in [
        (format!("a: {}", "[".repeat(100_000)), "yaml"),
        (format!("a: {}", "{a: ".repeat(100_000)), "limit-exceeded"),
        ("- ".repeat(100_000), "limit-exceeded"),
        ("? ".repeat(100_000), "limit-exceeded"),
        ((0..2000).map(|i| format!("{}a:\n", " ".repeat(i))).collect(), "limit-exceeded"),
        (format!("{}{}", "[".repeat(101), "]".repeat(101)), "limit-exceeded"),
    ] {
        rejects(&text[..20], &text, code);
    }
    let each = "- forEach: {in: $, do: [".replace("- ", "{") + "REST]}}";
    let nested = (0..30)
        .fold("{set: {path: $.metadata.annotations.x, value: a}}".to_owned(), |rest, _| each.replace("REST", &rest));
    accepts("forEach", &format!("{HEAD}rules:\n- name: r\n  do: [{nested}]\n"));
}

#[test]
fn repeated_characters() {
    for one in [
        "[", "{", "- ", "? ", ": ", ":", ",", "&", "*", "!", "%", "@", "`", "|", ">", "'", "\"", "\\", "#", "#\n",
        "\n", " ", "\t", "\r", "---\n", "...\n", "&a ", "!!a ", "<<: ", "é", "\u{2028}", "\u{85}", "[a,", "{a ",
        "a: |\n", "\"\\x",
    ] {
        library(&one.repeat(20_000));
        library(&format!("a: {}", one.repeat(20_000)));
        library(&format!("[{}", one.repeat(20_000)));
    }
}

#[test]
fn twenty_thousand_rules() {
    let mut rules = format!("{HEAD}rules:\n");
    for i in 0..20_000 {
        let _ = writeln!(rules, "- {{name: r{i}, do: [{{set: {{path: $.metadata.annotations.a{i}, value: x}}}}]}}");
    }
    let folder = Folder::new();
    folder.write("rules.yaml", &rules);
    assert!(folder.render().done().stdout.contains("a19999: x"));
    folder.run(&["explain", "."]).done();
    // Every rule has a mistake.
    folder.write("rules.yaml", rules.replace("path:", "pat:"));
    let ended = folder.render();
    ended.reported(1, "unknown-key");
    assert!(ended.stderr.contains("more that are not shown"), "{}", &ended.stderr[ended.stderr.len() - 200..]);
}

#[test]
fn warnings_do_not_hide_an_error() {
    let rules = format!(
        "{HEAD}rules:\n- name: w\n  do:\n  - set: {{path: $.spec.x, value: [{}]}}\n- name: e\n  do:\n  - set: {{pat: $.spec.b, value: 1}}\n",
        "yes,".repeat(1200)
    );
    rejects("an error after 1200 warnings", &rules, "unknown-key");
    let (_, pod) = library(&rules);
    assert_eq!(pod["spec"].get("b"), None, "a rule with a mistake must not run");
}

#[test]
fn endless_keys() {
    let keys: String = (0..60_000).map(|i| format!("k{i}: 1\n")).collect();
    rejects("many", &keys, "unknown-key");
    rejects("twice", &(keys.clone() + "k59999: 1\n".repeat(60_000).as_str()), "duplicate-key");
    let folder = Folder::new();
    folder.write("rules.yaml", format!("{{? {} : 1}}", "x".repeat(3_000_000)));
    let ended = folder.render();
    ended.reported(1, "unknown-key");
    assert!(ended.stderr.len() < 50_000, "{}", ended.stderr.len());
}

#[test]
fn numbers_that_json_lacks() {
    for number in ["123456789012345678901234567890", "-9223372036854775809", "0xffffffffffffffffff"] {
        rejects(
            number,
            &format!("{HEAD}rules:\n- name: r\n  do:\n  - set: {{path: $.spec.x, value: {number}}}\n"),
            "yaml",
        );
    }
    for text in [".nan", ".inf", "-.inf", "1e999", "1:30", "0b", "0x", "+", "-", "."] {
        library(&format!(
            "{HEAD}rules:\n- name: r\n  do:\n  - set: {{path: $.metadata.annotations.x, value: {text}}}\n"
        ));
    }
}

#[test]
fn texts_that_multiply() {
    let ten = |operation: &str| {
        format!(
            "{HEAD}rules:\n- name: r\n  do:\n  - set: {{path: $.a, value: xxxxxxxxxx}}\n{}",
            format!("  - {operation}\n").repeat(12)
        )
    };
    rejects("replace", &ten("replace: {path: $.a, pattern: x, with: xxxxxxxxxx}"), "limit-exceeded");
    rejects("groups", &ten("replace: {path: $.a, pattern: '.*', with: '$0$0$0$0$0$0$0$0$0$0$0$0'}"), "limit-exceeded");
    rejects(
        "nothing",
        &ten("replace: {path: $.a, pattern: '', with: 'aaaaaaaaaaaaaaaaaaaaaaaaaaa'}"),
        "limit-exceeded",
    );
    rejects("substitute", &ten("substitute: {path: $.a, tokens: {x: xxxxxxxxxx}}"), "limit-exceeded");
    rejects(
        "copies",
        &ten(
            "jsonPatch: {ops: [{op: copy, from: '', path: /b}, {op: copy, from: '', path: /c}, {op: copy, from: '', path: /d}, {op: copy, from: '', path: /e}, {op: copy, from: '', path: /f}, {op: copy, from: '', path: /g}]}",
        ),
        "operation-failed",
    );
    rejects(
        "every place",
        &format!(
            "{HEAD}rules:\n- name: r\n  do:\n{}",
            "  - forEach: {in: '$..*', do: [{merge: {path: '$.x', value: {a: 1}}}, {copy: {from: $.x, to: $.x.y}}]}\n"
                .repeat(40)
        ),
        "limit-exceeded",
    );
}

#[test]
fn places_that_disappear() {
    for body in [
        "[{remove: {path: '$.spec.containers'}}, {set: {path: '@.x.y', value: 1}}]",
        "[{remove: {path: '@'}}, {set: {path: '@.x', value: 1}}]",
        "[{set: {path: '$', value: 1}}, {append: {path: '@', value: 1}}]",
        "[{move: {from: '$.spec', to: '$.status'}}, {setEnv: {vars: {A: b}}}]",
        "[{script: 'pod.spec.containers = []; item.a = 1; item.remove(\"b\");'}]",
    ] {
        library(&format!("{HEAD}rules:\n- name: r\n  do:\n  - forEach: {{in: '$..*', do: {body}}}\n"));
    }
}

#[test]
fn large_tasks() {
    let folder = Folder::new();
    let rules = format!(
        "{HEAD}rules:\n- name: r\n  when: task.x.len() > 1\n  do:\n  - script: |\n      let n = 0; for x in task.x {{ n += 1; if n > 10 {{ break }} }}\n      try {{ let c = task.x.copy(); }} catch {{}}\n      set_env(\"N\", n);\n"
    );
    folder.write("rules.yaml", rules);
    folder.write("task.json", format!("{{\"id\": \"abc\", \"x\": [{}1]}}", "1,".repeat(2_500_000)));
    assert_eq!(folder.render().code, Some(1));
    folder.write("rules.yaml", format!("{HEAD}rules:\n- name: r\n  when: task.x.len() > 1\n  do:\n  - script: |\n      let n = 0; for x in task.x {{ n += 1; if n > 10 {{ break }} }} set_env(\"N\", n);\n"));
    assert!(folder.render().done().stdout.contains("\"11\""));
    folder.write("task.json", format!("{{\"id\": \"abc\", \"x\": [1, 2], \"y\": \"{}\"}}", "y".repeat(10 << 20)));
    folder.render().done();
    folder.write("task.json", format!("{{\"id\": \"abc\", \"x\": \"{}\"}}", "y".repeat(20 << 20)));
    folder.render().reported(3, "input");
    for (task, code) in [
        ("[".repeat(100_000), "json"),
        ("{\"a\":".repeat(100_000), "json"),
        ("{\"id\": \"a\", \"id\": \"b\"}".to_owned(), "json"),
        ("{\"id\": \"a\", \"n\": 123456789012345678901234567890}".to_owned(), "json"),
        ("{\"id\": \"a\", \"n\": 1e999}".to_owned(), "json"),
        ("{\"id\": \"a\", \"n\": NaN}".to_owned(), "json"),
        ("{\"id\": \"a\", \"n\": Infinity}".to_owned(), "json"),
        ("{\"id\": \"\\ud800\"}".to_owned(), "json"),
        ("{".to_owned(), "json"),
        (String::new(), "json"),
    ] {
        folder.write("task.json", task);
        folder.render().reported(1, code);
    }
    folder.write("task.json", TASK);
}
