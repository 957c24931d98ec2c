"""A kubectl without a cluster. It records each call in the folder FAKE_KUBECTL, stores the objects it is
given, and responds as the scenario says. Calls that the scenario doesn't mention succeed."""

import json
import os
import sys
import time

FOLDER = os.environ["FAKE_KUBECTL"]
ARGV = sys.argv[1:]


def read(path, default):
    try:
        with open(os.path.join(FOLDER, path), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def write(path, value):
    with open(os.path.join(FOLDER, path), "w", encoding="utf-8") as file:
        json.dump(value, file)


def option(name):
    return ARGV[ARGV.index(name) + 1] if name in ARGV else None


def content():
    path = option("-f")
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


def answer(text="", error="", status=0):
    sys.stdout.write(text)
    sys.stderr.write(error)
    sys.exit(status)


def scripted(text):
    """The scenario's response to this call, if it has one."""
    for number, step in enumerate(read("scenario.json", [])):
        if any(word not in ARGV for word in step["argv"]) or step.get("holds", "") not in (text or ""):
            continue
        used = read(f"used-{number}", 0)
        if used >= step.get("times", 1 << 30):
            continue
        write(f"used-{number}", used + 1)
        if "sleep" in step:
            time.sleep(step["sleep"])
        if not step.get("goes_on"):
            answer(step.get("stdout", ""), step.get("stderr", ""), step.get("exit", 0))
        sys.stderr.write(step.get("stderr", ""))
        return


def main():
    text = content()
    record = {"argv": ARGV, "file": text}
    write(f"call-{time.time_ns():020}-{os.getpid()}.json", record)
    scripted(text)
    verb = next((word for word in ARGV if not word.startswith("-")), "")
    if text is None:
        answer('{"items": []}' if option("-o") == "json" else "")
    if verb == "apply" and not text.lstrip().startswith("{"):
        answer("applied\n")
    manifest = json.loads(text)
    name = f"{manifest['kind']}-{manifest['metadata']['name']}.object"
    told = f'{manifest["kind"].lower()}s "{manifest["metadata"]["name"]}"'
    live = read(name, None)
    if verb in ("create", "apply"):
        if verb == "create" and live is not None:
            answer(error=f"Error from server (AlreadyExists): {told} already exists\n", status=1)
        manifest["metadata"].setdefault("namespace", option("--namespace"))
        manifest["metadata"]["uid"] = f"uid-{len(os.listdir(FOLDER))}"
        write(name, manifest)
        live = manifest
    elif live is None:
        answer(
            error="" if "--ignore-not-found" in ARGV else f"Error from server (NotFound): {told} not found\n",
            status=0 if "--ignore-not-found" in ARGV else 1,
        )
    elif verb == "patch":
        live["metadata"].update(json.loads(option("-p"))["metadata"])
        write(name, live)
    elif verb == "delete":
        os.remove(os.path.join(FOLDER, name))
    answer(json.dumps(live) if option("-o") == "json" else f"{told}\n")


main()
