//! The fuzzers' seeds: a little of everything.

pub const RULES: &[&str] = &[
    "apiVersion: podrules.io/v1\nkind: Rules\nenv: [HOME]\nvars: {a: '${task.id}', b: ['${vars.a}x', 1]}\nrules:\n- name: a\n  queues: [\"tr*\", \"/^t.*n$/\", \"!x\"]\n  when: task.param(\"Args/gpus\", 1) == 2 && queue.name in [\"train\"]\n  do:\n  - set: {path: '$.spec.containers[?@.name == ''task''].image', value: \"a:${task.tags[0]}\"}\n  - setEnv: {vars: {A: '${vars.b[0]}', B: 1, C: {valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}}}\n",
    "apiVersion: podrules.io/v1\nkind: Rules\nrules:\n- name: s\n  do:\n  - script: |\n      for c in pod.spec.containers { c.imagePullPolicy = `Always`; }\n      let m = #{a: [1, 2.5, \"x\"], b: ()}; m[\"c\" + 1] = m.a;\n      if task?.parent == () { set_env(\"X\", m.a.len()); } else { fail(\"no ${x}\") }\n      pod.spec.volumes.push(#{name: dns(task.name)}); log(json(m)); skip();\n",
    "apiVersion: podrules.io/v1\nkind: Rules\nrules:\n- name: f\n  onError: skip\n  mode: audit\n  do:\n  - forEach: {in: '$..env[*]', do: [{set: {path: '@.value', value: '${item.name}'}}, {remove: {path: '@'}}]}\n  - jsonPatch: {ops: [{op: move, from: /spec/volumes, path: /spec/x}, {op: test, path: /a, value: 1}]}\n  - strategicMerge: {value: {spec: {containers: [{name: side, $patch: delete}]}}}\n  - replace: {pattern: '(u)b(.)', with: '$2$1'}\n  - substitute: {tokens: {task: 'T${queue.name}'}}\n  - copy: {from: $.spec, to: $.metadata.y}\n- name: g\n  stage: pod\n  stop: true\n  companions: [{manifest: {apiVersion: v1, kind: Secret, metadata: {name: '${pod_name}'}}}]\n  do:\n  - append: {path: $.spec.tolerations, values: [{key: a}], unless: present}\n  - merge: {path: $, value: {spec: null, metadata: {labels: {é: ü}}}}\n---\napiVersion: podrules.io/v1\nkind: Rules\nrules: &a []\n",
];

pub const PATHS: &[&str] = &[
    "$.spec.containers[?@.name == 'task' && !(@.x || length(@.env) > 0)]['image', \"name\"]",
    "$..[?match(@.name, 't.*') || search(@.image, '[0-9]+')][-1:0:-2]",
    "$['metadata']['labels']['a\\u00e9\\'b'][*][0,1][::2]",
    "@.env[?count(@..*) >= value($..zz) || @.a < 1.5e3]",
];

pub const EXPRESSIONS: &[&str] = &[
    "task.param(\"Args/gpus\", 1) + 2 * -3 ** 2 % 5 - (1 << 3)",
    "let a = [1, \"x\", #{b: 'c', d: ()}]; a[2].b += `y${a[0]}`; a.push(a); switch a.len() { 3 => 1, 4..6 if a[0] > 0 => 2, _ => 3 }",
    "fn f(x, y) { if x > 3 { return y; } try { f(x + 1, |z| z + x) } catch (e) { throw e } } f(0, Fn(\"f\")).call(1)",
    "let x = 0; while x < 10 { x += 1; if x == 5 { continue } } for (c, i) in pod.spec.containers { c.env = [i]; log(c) } do { x -= 1 } until x < 0; x in 0..=3",
    "vars.a ?? env.X ?? pod.metadata?.labels.app.split(\"a\").map(|v| v.to_upper()).filter(|v| v != \"\").reduce(|s, v| s + v, \"\")",
    "glob(task.name, \"tr*\") || matches(queue.name, '^t') && quantity(\"1Gi\") > quantity(\"5M\") && hash(label(upper(trim(task.name)))) == base64(\"é\")",
];

pub const YAML: &[&str] = &[
    "a: &x {b: [1, 0x1F, 010, 1_000, .5, 1e3, ~, yes, off]}\nc: *x\nd: {<<: *x, e: !!str 5}\n",
    "- |\n  block\n   more\n- >-\n  folded\n  text\n- 'it''s'\n- \"\\u00e9\\n\\x41\"\n- ? k\n  : v\n--- \n%: x\n",
    "{\"a\": [1, -2.5e-3, true, null, \"\\u00e9\\ud83d\\ude00\"], \"b\": {\"\": 18446744073709551615}}",
    "# c\r\na: \r\n  - b: \"x: y\"\r\n    c: d # e\r\n  - - 1\r\n...\r\n",
];

pub const PATCHES: &[&str] = &[
    "[{\"spec\": {\"containers\": [{\"name\": \"a\", \"env\": [{\"name\": \"X\"}]}, {\"name\": \"b\"}]}}, {\"spec\": {\"$setElementOrder/containers\": [{\"name\": \"b\"}], \"containers\": [{\"name\": \"a\", \"$patch\": \"delete\"}, {\"name\": \"c\"}], \"volumes\": null}}]",
    "[{\"a\": [1, {\"b\": null}], \"c\": {}}, {\"a\": null, \"c\": {\"d\": {\"e\": null, \"f\": [1]}}, \"$retainKeys\": [\"a\"]}]",
    "[{\"a\": [1, {\"b\": 2}]}, [{\"op\": \"add\", \"path\": \"/a/-\", \"value\": 1}, {\"op\": \"move\", \"from\": \"/a/1\", \"path\": \"/c~1d\"}, {\"op\": \"copy\", \"from\": \"\", \"path\": \"/e\"}, {\"op\": \"remove\", \"path\": \"/a\"}, {\"op\": \"test\", \"path\": \"/z\", \"value\": 1}]]",
    "[{\"metadata\": {\"labels\": {\"a\": \"b\"}}}, {\"metadata\": {\"labels\": {\"$patch\": \"replace\", \"c\": \"d\"}, \"$deleteFromPrimitiveList/finalizers\": [\"x\"]}}]",
];
