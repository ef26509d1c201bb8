"""Configuration: a YAML file, parsed into one frozen Config or a one-line error."""

import math
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import yaml

from edge.capture import SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.images import SUFFIXES
from edge.capture.video import VideoSettings
from edge.config_errors import format_validation_error
from edge.detect import AutoSettings, DetectorSettings
from edge.errors import ConfigError
from edge.infer.classifier import ClassifierSettings, ModelPath
from edge.infer.crop import QualitySettings
from edge.infer.track_state import SmoothingSettings
from edge.paths import state_directory
from edge.publish import MqttSettings, SinkSettings, expand_sink
from edge.track import SchedulerSettings, TrackerSettings
from edge.view import PreviewSettings, PrivacyBlur, WebSettings

MAX_BYTES = 100_000
"""Bytes of a config file at most; that with every key has 8,000."""

MAX_VALUES = 10_000
"""Values in a config at most, those behind an alias counted each time that it stands there."""


class PrivacySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Permission for snapshots, and blur of every image that is shown or sent."""

    allow_snapshots: bool = False
    blur: PrivacyBlur = PrivacyBlur.NONE


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; config/emotiond.yaml explains each key.

    Attributes:
        state_dir: the directory of what outlives a restart; None takes `state_directory`.
    """

    source: SourceSettings = CameraSettings()
    detector: DetectorSettings = AutoSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    tracker: TrackerSettings = TrackerSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    quality: QualitySettings = QualitySettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    sinks: tuple[SinkSettings, ...] = (MqttSettings(),)
    preview: PreviewSettings = PreviewSettings()
    web: WebSettings = WebSettings()
    privacy: PrivacySettings = PrivacySettings()
    state_dir: Path | None = None


def state_folder(config: Config) -> Path:
    """Return the directory of what outlives a restart."""
    return config.state_dir or state_directory()


def outbox_paths(config: Config) -> list[Path | None]:
    """Return the outbox file of each sink: what it has not yet delivered; None keeps nothing.

    Sinks that would share one, as those that publish one device to several brokers, are numbered.
    """
    names = [sink.outbox_name for sink in config.sinks]
    paths: list[Path | None] = []
    for place, name in enumerate(names):
        earlier = names[:place].count(name)
        number = f"-{earlier + 1}" if earlier else ""
        path = state_folder(config) / f"outbox-{name}{number}.sqlite"
        paths.append(None if name is None else path)
    return paths


def load_config(path: Path, may_be_empty: bool = True) -> Config:
    """Read a config file; relative paths in it are taken from its own folder.

    Raises:
        ConfigError: it cannot be read, is no YAML, is empty and may not be, or holds an unknown
            key, a wrong type or a value out of range. The text is one line: file, key, what was
            expected and found.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{path}: expected at most {MAX_BYTES} bytes, found more")
    data = _parse_yaml(text, path)
    if data is None and not may_be_empty:
        raise ConfigError(f"{path}: expected settings, found an empty file")
    return parse_config({} if data is None else data, path)


def parse_config(data: Any, path: Path) -> Config:
    """Convert plain data to a Config, as if read from `path`; errors as `load_config`."""
    data = _expand_shorthand(data, path.parent)
    try:
        return msgspec.convert(data, Config, dec_hook=partial(_resolve_path, path.parent))
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {format_validation_error(str(error), data, Config)}") from error


def parse_detector(text: str) -> DetectorSettings:
    """Return the detector that a command line names: its kind, or a YAML mapping as in a config.

    Errors are those of `load_config`.
    """
    option = Path("--detector")
    return parse_config({"detector": _parse_yaml(text, option)}, option).detector


def parse_source(text: str) -> SourceSettings:
    """Return the source that a command line names, written as short as in a config.

    A video is read as fast as possible: its faces lie apart by its own clock. Errors are those of
    `load_config`.
    """
    source = parse_config({"source": text}, Path("--source")).source
    if isinstance(source, VideoSettings):
        return msgspec.structs.replace(source, realtime=False)
    return source


def redacted_config(config: Config) -> Any:
    """Return a config as plain values, without users and passwords.

    Where a secret is kept is told, the secret is not.
    """
    source, sinks = config.source.redacted(), tuple(sink.redacted() for sink in config.sinks)
    shown = msgspec.structs.replace(config, source=source, sinks=sinks)
    return msgspec.to_builtins(shown, enc_hook=str)


def _expand_shorthand(data: Any, folder: Path) -> Any:
    """Return a config with each bare word or address in full, and a single sink as a list."""
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
    return full


def _expand_source(text: str, folder: Path) -> dict[str, object]:
    """Return the section that a short text means: a camera, an address, images or a video.

    A word that is no file is a kind, so that a misspelled one is refused.
    """
    if text.isdecimal():
        return {"kind": "camera", "device": int(text)}
    if text.startswith("/dev/"):
        return {"kind": "camera", "device": text}
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


def _resolve_path(folder: Path, kind: type, value: Any) -> Any:
    """Convert a text to a path of type `kind`; a relative one is taken from `folder`."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("Expected a path")
    if kind is ModelPath and Path(value).suffix != ".tflite" and "/" not in value:
        return ModelPath(value)  # a name, not a path
    try:
        return kind(folder / Path(value).expanduser())
    except RuntimeError as error:
        raise ValueError(f"Expected a path ({error})") from error


def _parse_yaml(text: str | bytes, place: Path) -> Any:
    try:
        return yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark):
            problem = f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
        raise ConfigError(f"{place}: is not YAML: {problem}") from error
    except RecursionError as error:
        raise ConfigError(f"{place}: is nested too deeply") from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses keys given twice, which YAML forbids, and aliases that expand to very much.

    It also says where a value cannot be read.
    """

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _count_values(node, {}) > MAX_VALUES:
            text = f"expected at most {MAX_VALUES} values with its aliases, found more"
            raise yaml.composer.ComposerError(None, None, text, node.start_mark)
        return node

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
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _count_values(node: yaml.Node, counts: dict[yaml.Node, float]) -> float:
    """Return how many values a node holds; without end where it is within itself."""
    if node not in counts:
        counts[node] = math.inf
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            inner = node.value
        elif isinstance(node, yaml.MappingNode):
            inner = [one for pair in node.value for one in pair]
        counts[node] = 1 + sum(_count_values(one, counts) for one in inner)
    return counts[node]
