# pyright: basic
# These objects imitate ClearML's, whose attributes are only known when they are read.
"""ClearML's objects for hooks, created from plain data: the task as ClearML's client returns it, the
configuration, and the worker.

The fields and their types are those of ClearML's API, tasks.get_by_id. Unlike with ClearML's own client,
mappings have attributes too, so that attributes work at every depth.
"""

import re
import sys
from collections import OrderedDict
from enum import Enum


class StringEnum(Enum):
    """As in ClearML's client: str() returns the value, but a member isn't equal to it."""

    def __str__(self):
        return self.value


def enum_of(name, values):
    return StringEnum(name, [(value, value) for value in values.split()])


TaskTypeEnum = enum_of(
    "TaskTypeEnum",
    "dataset_import annotation annotation_manual training testing inference data_processing application"
    " monitor controller optimizer service qc custom",
)
TaskStatusEnum = enum_of(
    "TaskStatusEnum",
    "created queued in_progress stopped published publishing closed failed completed unknown",
)
ArtifactModeEnum = enum_of("ArtifactModeEnum", "input output")


class Mapping(dict):
    """A dict whose keys are also attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


# The defaults that ClearML's client sets for missing fields.
DEFAULTS = {("tasks.Script", "binary"): "python"}


class Model:
    """An object of ClearML's client. Attributes are converted when they are first read; missing ones are
    None."""

    def __init__(self, name, fields, data):
        self._name, self._fields, self._data = name, fields, data

    def __getattr__(self, name):
        # Before __init__, as while it is copied, it has no fields.
        if name.startswith("__") or "_data" not in self.__dict__:
            raise AttributeError(name)
        if name in self._data:
            made = convert(self._fields.get(name), self._data[name])
        elif name in self._fields:
            made = DEFAULTS.get((self._name, name))
        else:
            raise AttributeError(f"{self._name} has no field {name}")
        self.__dict__[name] = made
        return made

    def __dir__(self):
        return sorted(set(object.__dir__(self)).union(self._fields, self._data))

    def to_dict(self):
        return {key: value for key, value in self._data.items() if value is not None}

    def __repr__(self):
        return f"<{self._name}: {self.to_dict()!r}>"


def plain(value):
    if isinstance(value, dict):
        return Mapping((key, plain(part)) for key, part in value.items())
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value


def convert(how, value):
    return plain(value) if how is None or value is None else how(value)


def member(kind):
    def make(value):
        try:
            return kind(value)
        except ValueError:
            return value

    return make


def fields(plain_ones, **others):
    """The fields of an object: those that stay plain, and those with a conversion."""
    return dict(dict.fromkeys(plain_ones.split()), **others)


def model(name, known):
    return lambda value: Model(name, known, value) if isinstance(value, dict) else value


def each(how):
    return lambda value: [how(part) for part in value] if isinstance(value, list) else value


def named(how):
    return lambda value: Mapping((k, how(v)) for k, v in value.items()) if isinstance(value, dict) else value


DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$",
    re.ASCII,
)


def date(value):
    """A time as ClearML's client returns it. Other text stays as it is."""
    found = DATE.match(value) if isinstance(value, str) else None
    if not found:
        return value
    from datetime import datetime, timedelta, timezone

    year, month, day, hour, minute, second, fraction, zone = found.groups()
    micro = int((fraction or "0").ljust(6, "0")[:6])
    where = None
    if zone == "Z":
        where = timezone.utc
    elif zone:
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        where = timezone(-away if zone[0] == "-" else away) if away else timezone.utc
    try:
        return datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, where
        )
    except ValueError:
        return value


PARAMETER = model("tasks.ParamsItem", fields("section name value type description"))
ARTIFACT = model(
    "tasks.Artifact",
    fields(
        "key type uri content_size hash timestamp display_data",
        mode=member(ArtifactModeEnum),
        type_data=model("tasks.ArtifactTypeData", fields("preview content_type data_hash")),
    ),
)
EXECUTION = fields(
    "queue test_split parameters model docker_cmd model_desc model_labels framework dataviews",
    artifacts=each(ARTIFACT),
)
MODELS = each(model("tasks.TaskModelItem", fields("name model")))
SCRIPT = fields("binary repository tag branch version_num entry_point working_dir requirements diff")
TASK = fields(
    "id name user company comment active_duration parent project input container tags system_tags"
    " status_message status_reason last_worker last_iteration last_metrics runtime",
    type=member(TaskTypeEnum),
    status=member(TaskStatusEnum),
    created=date,
    started=date,
    completed=date,
    published=date,
    status_changed=date,
    last_worker_report=date,
    last_update=date,
    last_change=date,
    output=model("tasks.Output", fields("view destination model result error")),
    execution=model("tasks.Execution", EXECUTION),
    models=model("tasks.TaskModels", fields("", input=MODELS, output=MODELS)),
    script=model("tasks.Script", SCRIPT),
    hyperparams=named(named(PARAMETER)),
    configuration=named(model("tasks.ConfigurationItem", fields("name value type description"))),
)


def task_object(data):
    return Model("tasks.Task", TASK, data)


class Worker:
    """The agent. Only its id is known."""

    def __init__(self, worker_id):
        self.worker_id = worker_id

    def __getattr__(self, name):
        raise AttributeError(f"podrules knows only the worker's `worker_id`, not its `{name}`")


class ConfigMissingException(KeyError):
    """The key doesn't exist, and there is no default."""

    def __str__(self):
        return str(self.args[0]) if self.args else ""


MISSING = object()


def steps(key):
    """The parts of a dotted key. A quoted part may contain dots."""
    return [part.strip('"') for part in re.findall(r'"[^"]*"|[^."]+', str(key))]


class ConfigTree(OrderedDict):
    """A nested configuration with dotted keys, as in pyhocon."""

    def _find(self, key, default):
        here = self
        for step in steps(key):
            if not isinstance(here, OrderedDict) or not OrderedDict.__contains__(here, step):
                return default
            here = OrderedDict.__getitem__(here, step)
        return here

    def get(self, key, default=MISSING):
        value = self._find(key, default)
        if value is MISSING:
            raise ConfigMissingException(f"No configuration setting found for key {key}")
        return value

    def __getitem__(self, key):
        return self.get(key)

    def __contains__(self, key):
        return self._find(key, MISSING) is not MISSING

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.get(name)
        except ConfigMissingException as error:
            raise AttributeError(str(error)) from None

    def _typed(self, key, kind, default):
        value = self.get(key, default)
        return value if value is None else kind(value)

    def get_string(self, key, default=MISSING):
        return self._typed(key, lambda v: str(v).lower() if isinstance(v, bool) else str(v), default)

    def get_int(self, key, default=MISSING):
        return self._typed(key, int, default)

    def get_float(self, key, default=MISSING):
        return self._typed(key, float, default)

    def get_bool(self, key, default=MISSING):
        return self._typed(key, lambda v: str(v).lower() in ("true", "yes", "on", "1"), default)

    def get_list(self, key, default=MISSING):
        return self.get(key, default)

    def get_config(self, key, default=MISSING):
        return self.get(key, default)

    def as_plain_ordered_dict(self):
        return OrderedDict((key, untree(value)) for key, value in self.items())

    # dict's own methods would read each key as a dotted one.
    def items(self):
        return [(key, OrderedDict.__getitem__(self, key)) for key in self]

    def values(self):
        return [OrderedDict.__getitem__(self, key) for key in self]

    def copy(self):
        return tree(self.as_plain_ordered_dict())


def tree(value):
    if isinstance(value, dict):
        made = ConfigTree()
        for key, part in value.items():
            OrderedDict.__setitem__(made, key, tree(part))
        return made
    return [tree(part) for part in value] if isinstance(value, list) else value


def untree(value):
    if isinstance(value, ConfigTree):
        return value.as_plain_ordered_dict()
    return [untree(part) for part in value] if isinstance(value, list) else value


class Config:
    """The task's configuration: get() with a dotted key and a default, items, attributes, subtrees."""

    def __init__(self, data):
        self._given = data

    @property
    def _config(self) -> ConfigTree:
        # Created when it is first used, as it may be large.
        made = self.__dict__.get("_tree")
        if made is None:
            made = self.__dict__["_tree"] = tree(self._given)
        return made  # pyright: ignore[reportReturnType] # the configuration is a dict

    def get(self, key, default=MISSING):
        value = self._config.get(key, default if default is not MISSING else None)
        if default is MISSING and key not in self._config:
            print(
                f"podrules: task_config.get({key!r}) finds nothing and has no default: it returns None here,"
                " but an object that is true with clearml-agent 3.0.3."
                f" Write task_config.get({key!r}, None)",
                file=sys.stderr,
            )
        return value

    def __getitem__(self, key):
        return self._config.get(key, None)

    def __contains__(self, key):
        return key in self._config

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._config, name)

    def to_dict(self):
        return self._config.as_plain_ordered_dict()

    def as_json(self):
        import json

        return json.dumps(self.to_dict(), indent=2)
