//! Scripts that exhaust time, memory or stack, or break the Pod that they are working on.

use super::harness::{accepts, library, rejects, script};

/// A string of 128 KiB.
const LONG: &str = r#"let s = "x"; for i in 0..17 { s += s } "#;

#[test]
fn endless_scripts() {
    for code in [
        "loop {}",
        "while true { log(\"x\") }",
        "for i in 0..9223372036854775807 { let x = i; } loop {}",
        "loop { try { loop {} } catch {} }",
        "fn f() { loop {} } try { f() } catch {} log(\"went on\");",
        "fn f() { loop {} } loop { try { f() } catch {} }",
        "let a = []; a.pad(4000, 1); a.sort(|x, y| loop {});",
        "let a = []; a.pad(4000, 1); loop { a.map(|x| x); }",
        "fn f(n) { f(n + 1) } f(0);",
        "fn f(n) { try { f(n + 1) } catch { f(n + 1) } } f(0);",
    ] {
        rejects(code, &script(code), "limit-exceeded");
    }
    accepts("sleep", &script("sleep(1000000); sleep(1e9);"));
}

#[test]
fn values_that_grow() {
    for code in [
        "let s = \"x\"; loop { s += s }",
        "let a = []; a.pad(1000000000, 0);",
        "let s = \"\"; s.pad(1000000000, \"x\");",
        "let a = []; a.pad(4000, \"x\"); loop { let b = a; a.pad(4000, b); }",
        "let b = blob(1000000000);",
        "let b = blob(4000); loop { b += b }",
        &format!("{LONG} let m = #{{}}; for i in 0..100000 {{ m[\"k\" + i] = s + i; }}"),
        &format!("{LONG} let m = #{{}}; for i in 0..100000 {{ m[s + i] = 1; }}"),
        &format!("{LONG} let m = []; for i in 0..100000 {{ m.push(s + i); }}"),
        &format!("{LONG} fn g(m, s) {{ for i in 0..100000 {{ m[s + i] = 1; }} }} g(#{{}}, s);"),
        &format!("{LONG} fn g(s) {{ for i in 0..100000 {{ this[s + i] = 1; }} }} let m = #{{}}; m.g(s);"),
        &format!("{LONG} let a = s.split(\"x\");"),
        &format!("{LONG} for i in 0..100000 {{ pod.spec[\"k\" + i] = s + i; }}"),
        &format!("{LONG} for i in 0..100000 {{ set(\"$.metadata.annotations.a\" + i, s + i); }}"),
        "for i in 0..1000 { pod.spec.containers.push(pod.spec.containers); }",
        "let p = pod; for i in 0..1000 { p[\"a\"] = #{}; p = p[\"a\"]; }",
        "for i in 0..1000 { try { pod.a = pod; } catch {} }",
        "let s = \"$\"; for i in 0..1000 { s += \".a\" } set(s, 1);",
    ] {
        rejects(code, &script(code), "limit-exceeded");
    }
    let many: String = (0..200).map(|i| format!("let a{i} = s + {i};")).collect();
    let code = format!("fn f(n, s) {{ {many} if n > 0 {{ f(n - 1, s + n) }} }}\n{LONG} f(20, s);");
    rejects("many variables", &script(&code), "limit-exceeded");
}

#[test]
fn replaced_texts_do_not_explode() {
    for call in ["s.replace(\"x\", s);", "replace(s, \"x\", s);", "s.replace('x', s);"] {
        rejects(call, &script(&format!("{LONG}{call}")), "script-failed");
    }
    let ended = accepts("replace", &script("pod.metadata.annotations = #{x: replace(\"a-b\", \"-\", '+')};"));
    assert!(ended.stdout.contains("x: a+b"), "{}", ended.stdout);
}

#[test]
fn values_that_nest() {
    for code in [
        "let a = []; for i in 0..1000000 { a = [a] }",
        "let a = #{}; for i in 0..1000000 { a = #{a: a} }",
        "let a = []; for i in 0..1000000 { let b = []; b.push(a); a = b; }",
        "let a = [0]; for i in 0..1000000 { a[0] = a; }",
        "let a = #{}; for i in 0..1000000 { a.b = a; }",
        "let f = || 1; for i in 0..100000 { let g = f; f = || g; }",
        "fn f(a) { f([[[[[[[[a]]]]]]]]) } f([]);",
        &format!("let a = []; for i in 0..100000 {{ a = {}a{} }}", "[".repeat(10), "]".repeat(10)),
    ] {
        rejects(code, &script(code), "limit-exceeded");
    }
    // A value of the maximum depth, and everything that walks it.
    for walk in
        ["a == b", "log(a)", "debug(a)", "json(a)", "a.contains(b)", "a in [b]", "switch a { 1 => 2 }", "pod.a = a"]
    {
        library(&script(&format!("let a = []; let b = []; for i in 0..60 {{ a = [a]; b = [b]; }} {walk};")));
    }
    for bomb in ["curry(f, f)", "f.curry(f)"] {
        rejects(bomb, &script(&format!("let f = Fn(\"log\"); for i in 0..1000000 {{ f = {bomb}; }}")), "bad-script");
    }
    rejects("parse_json", &script("let s = \"[\"; for i in 0..15 { s += s } parse_json(s);"), "script-failed");
}

#[test]
fn what_closures_share_does_not_panic() {
    for code in [
        "let a = [1]; let f = || a; a.push(a); a[0] = a; a += a; a += [a]; log(a);",
        "let a = #{}; let f = || a; a.x = a; a.y = #{z: a}; a[\"w\"] = [a]; log(a);",
        "let a = [1]; let f = || a; let b = [a]; b.push(a); a.push(b); log(b);",
        "let f = || 1; f = || f; f.call(); log(f);",
        "let x = []; let f = |y| { x.push(y) }; x.push(f); f.call(x); f.call(f); log(x);",
        "let x = []; let f = || x.push(x); f.call(); log(x); for i in 0..20 { f.call() }",
        "let x = #{}; let f = || { x.a = x; x }; let z = f.call(); z.b = x; x.c = z; [x, z].map(|v| x);",
        "fn f() { this.push(this) } let a = []; a.f(); a.f(); log(a);",
    ] {
        library(&script(code));
    }
}

#[test]
fn extreme_numbers() {
    let least = "let x = -9223372036854775807 - 1;";
    for code in ["log(-x);", "log(x / -1);", "log(x % -1);", "log(abs(x));", "log(1 / 0);", "log(2 ** 1000000);"] {
        rejects(code, &script(&format!("{least}{code}")), "script-failed");
    }
    for code in [
        "log(1 << 1000000); log(1 << -5); log(-1 >> 70); log(9.9 ** 1e9);",
        "for i in range(0, 9223372036854775807, 9223372036854775807) {} for i in range(10, 0, x) {}",
        "let a = [1, 2]; a.extract(x, 9223372036854775807); a.chop(x); a.truncate(-1); a.drain(0..9223372036854775807);",
        "\"abc\".sub_string(x, 9223372036854775807); \"abc\".crop(9223372036854775807, -5); log(pod.spec.containers[x]);",
    ] {
        accepts(code, &script(&format!("{least}{code}")));
    }
    for code in [
        "pod.spec.x = 1e308 * 10.0;",
        "pod.spec.x = parse_float(\"nan\");",
        "log((1e300).to_int());",
        "for i in range(0, 10, 0) {}",
        "for b in (5).bits(x, 9223372036854775807) {}",
        "pod.spec.containers[9223372036854775807] = 1;",
        "pod.spec.containers.insert(9223372036854775807, 1);",
    ] {
        rejects(code, &script(&format!("{least}{code}")), "script-failed");
    }
}

#[test]
fn patterns_that_explode() {
    accepts("backtracking", &script("log(matches(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaa!\", \"(a*)*b\"));"));
    let grown = "let s = \"START\"; for i in 0..14 { s += s } ";
    for (code, start) in [
        ("matches(\"a\", \"((a{1000}){1000}){1000}\");", ""),
        ("matches(\"a\", s);", "("),
        ("glob(\"a\", s);", "{a,"),
        ("glob(\"aaaaaaa\", s);", "*a"),
    ] {
        rejects(code, &script(&format!("{}{code}", grown.replace("START", start))), "script-failed");
    }
    let slow = format!("{LONG} loop {{ matches(s, \"(.*x){{50}}b\"); }}");
    rejects("a slow pattern", &script(&slow), "limit-exceeded");
}

#[test]
fn a_dismantled_pod() {
    for code in [
        "pod.spec = 1; pod.spec.a = 1;",
        "let c = pod.spec.containers; pod.spec.remove(\"containers\"); log(c.len()); c.push(1); c[0].x = 1;",
        "let c = pod.spec.containers[0]; pod.spec.containers = []; c.a.b = 1; c.remove(\"zz\"); c[5] = 1;",
        "let p = pod.metadata; pod.metadata = 3; p.x = 1;",
    ] {
        let (codes, _) = library(&script(code));
        assert_eq!(codes, ["script-failed"], "{code}");
    }
    for code in ["set(\"$\", 5);", "set(\"$\", [])"] {
        rejects(code, &script(code), "script-failed");
    }
    for code in ["pod.spec = 5;", "pod.metadata = 7;", "pod.spec = []"] {
        rejects(code, &script(code), "operation-failed");
    }
    rejects("no containers", &script("pod.spec = #{containers: 5};"), "operation-failed");
    // The assembly recreates the container; the checks report what it lacks.
    accepts("emptied", &script("pod.spec.containers = []; pod.spec.containers.push(#{image: \"a\"});"));
}

#[test]
fn skip_and_fail_cannot_be_caught() {
    for call in ["try { END } catch {}", "fn f() { END } try { f() } catch {}", "let a = [2, 1]; a.sort(|x, y| END);"] {
        let (codes, pod) = library(&script(&format!("{} pod.spec.after = 1;", call.replace("END", "skip()"))));
        assert_eq!((codes.len(), pod["spec"].get("after")), (0, None), "{call}");
        rejects(
            call,
            &script(&format!("{} pod.spec.after = 1;", call.replace("END", "fail(\"no\")"))),
            "script-failed",
        );
    }
}

#[test]
fn floods_of_logs_and_warnings() {
    let code = "for i in 0..100000 { log(\"x\"); substitute(#{path: \"$\", tokens: #{QQQ: \"x\"}}); }";
    let (codes, _) = library(&script(code));
    assert!(codes.len() <= 102, "{}", codes.len());
    rejects("logs", &script(&format!("{LONG} loop {{ log(s) }}")), "limit-exceeded");
}
