# Hooks don't see the environment of podrules itself (here: cargo's), only the configured variables.
import os


def update_template(template, **kwargs):
    assert "CARGO_MANIFEST_DIR" not in os.environ
    assert os.environ["MY_VAR"] == "configured"
    assert "PATH" in os.environ
    return {"template": template}
