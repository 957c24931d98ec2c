# What stands in the environment of podrules itself (here: of cargo) stays out; what was configured is there.
import os


def update_template(template, **kwargs):
    assert "CARGO_MANIFEST_DIR" not in os.environ
    assert os.environ["MY_VAR"] == "configured"
    assert "PATH" in os.environ
    return {"template": template}
