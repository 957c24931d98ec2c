# Threads that end in time aren't a fault.
from concurrent.futures import ThreadPoolExecutor


def update_template(template, **kwargs):
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(len, ["a", "bb"])) == [1, 2]
    return {"template": template}
