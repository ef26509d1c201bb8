"""Plain values of a config: from YAML and the environment, short forms, what cameras inherit."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from edge.capture.images import SUFFIXES
from edge.errors import ConfigError
from edge.publish import expand_sink

MAX_BYTES = 100_000  # of a config file; that with every key has 8,000

MAX_VALUES = 10_000  # in a config, those behind an alias each time that it stands there
ENVIRONMENT_PREFIX = "EMOTIOND_"  # of variables that stand for keys: EMOTIOND_SOURCE__DEVICE


def read_config(path: Path) -> bytes:
    """Return the text of a config file; a ConfigError says why it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{path}: expected at most {MAX_BYTES} bytes, found more")
    return text


def parse_yaml(text: str | bytes, place: Path) -> Any:
    """Return the plain values of a YAML text from `place`; errors as `load_config`."""
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)  # nosec B506
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark):
            problem = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
        raise ConfigError(f"{place}: is not YAML: {problem}") from error
    except RecursionError as error:
        raise ConfigError(f"{place}: is nested too deeply") from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses keys given twice and aliases that expand to much; says where a value is bad."""

    def construct_document(self, node: yaml.Node) -> Any:
        """Refuse aliases that unfold to more than anybody writes, or to themselves."""
        waiting, count = [node], 0
        while waiting:
            one, count = waiting.pop(), count + 1
            if count > MAX_VALUES:
                text = f"expected at most {MAX_VALUES:,} values, found more by its aliases"
                raise yaml.constructor.ConstructorError(None, None, text, node.start_mark)
            if isinstance(one, yaml.SequenceNode):
                waiting += one.value
            elif isinstance(one, yaml.MappingNode):
                waiting += [part for pair in one.value for part in pair]
        return super().construct_document(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:  # what PyYAML lets through
            kind = node.tag.rpartition(":")[2]  # the value itself may be a secret
            text = f"expected a valid {kind}; put quotes around what is meant as a text"
            raise yaml.constructor.ConstructorError(None, None, text, node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.tag == "tag:yaml.org,2002:bool":  # YAML 1.1 takes the key `on` for true
                key.tag = "tag:yaml.org,2002:str"
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def with_environment(data: Any, folder: Path) -> Any:
    """Return a config's plain values with those that variables of the environment give."""
    names = sorted(name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX))
    for name in names if isinstance(data, dict) else ():
        *parents, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        data = section = expand_shorthand(data, folder)
        for part in parents:
            if isinstance(section, dict):
                section = section.setdefault(part, {"kind": "camera"} if part == "source" else {})
            elif isinstance(section, list) and part.isdecimal() and int(part) < len(section):
                section = section[int(part)]
            else:
                section = None
        if not isinstance(section, dict):
            text = "expected the name of a key, such as EMOTIOND_WEB__PORT, found no section for it"
            raise ConfigError(f"{name}: {text}")
        section[key] = parse_yaml(os.environ[name], Path(name))
    return data


def expand_shorthand(data: Any, folder: Path) -> Any:
    """Return a config with its short forms in full; names of files are looked for in `folder`."""
    if not isinstance(data, dict):
        return data
    full = dict(data)
    if type(data.get("source")) in (str, int):
        full["source"] = _expand_source(str(data["source"]), folder)
    if isinstance(data.get("detector"), str):
        full["detector"] = {"kind": data["detector"]}
    if isinstance(data.get("sinks"), str | dict):
        full["sinks"] = [data["sinks"]]
    if isinstance(full.get("sinks"), list):
        full["sinks"] = [expand_sink(one) if isinstance(one, str) else one for one in full["sinks"]]
    if isinstance(full.get("cameras"), dict):
        full["cameras"] = {
            name: expand_shorthand({"source": one} if type(one) in (str, int) else one, folder)
            for name, one in full["cameras"].items()
        }
    return full


def _expand_source(text: str, folder: Path) -> dict[str, object]:
    """Return the section that a short text means; a word that is no file is a kind."""
    if text.isdecimal() or text.startswith("/dev/"):
        return {"kind": "camera", "device": int(text) if text.isdecimal() else text}
    if "://" in text:
        return {"kind": "stream", "url": text}
    exists = is_folder = False
    with suppress(OSError, RuntimeError):  # a name too long, or the home of nobody
        path = folder / Path(text).expanduser()
        exists, is_folder = path.exists(), path.is_dir()
    if is_folder or Path(text).suffix.lower() in SUFFIXES:
        return {"kind": "images", "path": text}
    if re.fullmatch(r"\w+", text) and not exists:
        return {"kind": text}
    return {"kind": "video", "path": text}


def inherit(own: dict[str, Any], above: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Return a camera's values over those that it inherits: the `keys` of the top level."""
    merged = {key: above[key] for key in keys if key in above}
    for key, value in own.items():
        general = merged.get(key)
        if isinstance(value, dict) and isinstance(general, dict) and key != "zones":
            # What another kind is set to would mean nothing to this one.
            same = value.get("kind", general.get("kind")) == general.get("kind")
            merged[key] = general | value if same else value
        else:
            merged[key] = value
    return merged
