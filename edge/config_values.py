"""Plain values of a config: YAML, environment, short forms, what cameras inherit, renamed keys."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from edge.capture.images import SUFFIXES
from edge.errors import ConfigError, os_errors_as
from edge.publish import expand_sink

MAX_BYTES = 100_000  # of a config file; that with every key has 8,000
MAX_VALUES = 10_000  # in a config, those behind an alias each time that it stands there
ENVIRONMENT_PREFIX = "EMOTIOND_"  # of variables that stand for keys: EMOTIOND_SOURCE__DEVICE

RENAMED = {
    "detect.every": "scheduler.interval_frames",
    "detect.max_interval": "scheduler.max_interval_s",
    "detect.full_interval": "scheduler.full_search_interval_s",
    "detect.min_motion": "scheduler.motion_threshold",
    "detector: emotiond": "detector: builtin",
    "detector.kind: emotiond": "detector.kind: builtin",
    "tracker.max_missed": "tracker.max_age_s",
    "classifier.baseline": "classifier.neutral_baseline",
    "smoothing.time_constant": "smoothing.time_constant_s",
    "smoothing.margin": "smoothing.hysteresis",
    "smoothing.dwell": "smoothing.hold_s",
    "source.through": "source.backend",
    "source.pace": "source.realtime",
    "sinks[].faces": "sinks[].publish_faces",
    "sinks[].keepalive": "sinks[].keepalive_s",
    "sinks[].outbox.events": "sinks[].outbox.max_events",
    "sinks[].outbox.age": "sinks[].outbox.max_age_s",
    "sinks[].outbox.bytes": "sinks[].outbox.max_bytes",
    "view.web": "web.enabled",
    "view.window": "preview.enabled",
    "web.viewers": "web.max_viewers",
    "privacy.pictures": "privacy.allow_snapshots",
    "privacy.blur: picture": "privacy.blur: frame",
    "state": "state_dir",
    "detect": "scheduler",
    "view": "preview",
}
"""Keys and values that are called otherwise since version 0.1; `[]` is any item of a list."""

Edit = tuple[int, int, str]  # begin and end of characters that are replaced, and by what


def read_config(path: Path) -> bytes:
    """Return the text of a config file; a ConfigError says why it cannot be read."""
    with os_errors_as(ConfigError, path), path.open("rb") as file:
        text = file.read(MAX_BYTES + 1)
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
        general, merged[key] = merged.get(key), value
        if isinstance(value, dict) and isinstance(general, dict) and key != "zones":
            # What another kind is set to would mean nothing to this one.
            same = value.get("kind", general.get("kind")) == general.get("kind")
            merged[key] = general | value if same else value
    return merged


def rename_keys(content: bytes) -> tuple[bytes, list[str]]:
    """Return the YAML of a config with present names, and what was renamed, in words."""
    root = yaml.compose(content, yaml.SafeLoader)
    edits: list[Edit] = []
    renamed: list[str] = []
    waiting, seen = [(root, "")], set[int]()
    while waiting:
        node, place = waiting.pop(0)
        if id(node) in seen:  # behind an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(one, f"{place}[]") for one in node.value]
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name = f"{place}.{key.value}".removeprefix(".").replace("sinks.", "sinks[].")
            waiting.append((value, place if key.value == "<<" else name))
            for old, part in ((name, key), (f"{name}: {value.value}", value)):
                if old not in RENAMED:
                    continue
                renamed.append(f"{old} is now {RENAMED[old]}")
                if old == "view.web":
                    edits += _move_to_web(content.decode(), root, node, (key, value))
                else:
                    new = re.split(r"\.|: ", RENAMED[old])[-1]
                    edits.append((part.start_mark.index, part.end_mark.index, new))
    text = content.decode() if edits else ""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return (text.encode() if edits else content), renamed


def _move_to_web(text: str, root: Any, view: Any, entry: tuple[yaml.Node, yaml.Node]) -> list[Edit]:
    """Return the edits that make the entry `web` of `view` one of the section `web`."""
    start, end = entry[0].start_mark.index, entry[1].end_mark.index
    enabled = f"enabled: {text[entry[1].start_mark.index : end]}"
    if view.flow_style:
        end = len(text) - len(re.sub(r"\A\s*,\s*", "", text[end:]))
    removed = start, end, "{}" if len(view.value) == 1 and not view.flow_style else ""
    web = next((one for name, one in root.value if name.value == "web"), None)
    if not isinstance(web, yaml.MappingNode):
        return [removed, (len(text), len(text), f"\nweb: {{{enabled}}}\n")]
    first = web.start_mark.index + bool(web.flow_style)
    more = f"{enabled}, " if web.flow_style else f"{enabled}\n{' ' * web.start_mark.column}"
    return [removed, (first, first, more)]
