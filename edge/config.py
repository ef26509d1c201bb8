"""Configuration: a YAML file, parsed into one frozen Config or a one-line error."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from edge import config_values as values
from edge.capture import SourceSettings
from edge.capture.camera import CameraSettings
from edge.capture.picamera import PicameraSettings
from edge.capture.video import VideoSettings
from edge.config_errors import format_validation_error
from edge.detect import AutoSettings, DetectorSettings
from edge.errors import ConfigError
from edge.infer.classifier import ClassifierSettings, ModelPath, classifier_digest
from edge.infer.crop import QualitySettings
from edge.infer.track_state import SmoothingSettings
from edge.paths import state_directory
from edge.publish import MqttSettings, SinkSettings
from edge.publish.intervals import SummarySettings
from edge.publish.mqtt.settings import DEVICE_TOPICS, Name
from edge.schedule import ScheduleSettings
from edge.tflite import NO_DELEGATE, DelegateSettings, LibraryPath
from edge.track.scheduler import SchedulerSettings
from edge.track.tracker import TrackerSettings
from edge.types import DataFlow
from edge.view import PreviewSettings, PrivacyBlur, WebSettings
from edge.view.snapshots import SnapshotSettings
from edge.zones import Polygon, polygon_fault

MAX_CAMERAS = 64  # of one daemon; a core is busy with some ten

log = logging.getLogger(__name__)

ConfigT = TypeVar("ConfigT", bound="CameraConfig")
Age = Annotated[float, msgspec.Meta(ge=60, le=4_294_967_295.0)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class PrivacySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Permission for snapshots, and blur of every image that is shown or sent."""

    allow_snapshots: bool = False
    blur: PrivacyBlur = PrivacyBlur.NONE


class RetentionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Longest time that recorded events and images of people lie on this machine's disk.

    Attributes:
        max_event_age_s: seconds, of events in JSONL files and outboxes; null: until
            `emotiond forget`. They are deleted a tenth of it at a time.
        max_image_age_s: seconds, of snapshots, collected faces, window images; null: likewise.
    """

    max_event_age_s: Age | None = None
    max_image_age_s: Age | None = None


class DeploymentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where, what for and by whom people are watched; `emotiond audit` prints it on the notice.

    Attributes:
        context: home, public, research, workplace or education.
        purpose: a few words. In a workplace or in education `medical` or `safety`: for any other
            purpose Article 5(1)(f) of the EU AI Act forbids it.
        operator: who answers for it, and how to reach them.
    """

    context: Literal["home", "public", "research", "workplace", "education"] = "home"
    purpose: Text | None = None
    operator: Text | None = None

    def __post_init__(self) -> None:
        if self.context in {"workplace", "education"} and self.purpose not in {"medical", "safety"}:
            raise ValueError(
                f"Expected `purpose` medical or safety in the context {self.context}; for any "
                "other Article 5(1)(f) of the EU AI Act (Regulation 2024/1689) forbids to infer "
                "emotions"
            )


class CameraConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one camera: all that belongs to its images.

    Attributes:
        zones: polygons by name, of points [x, y] as shares of the frame; a face's center counts.
        ignore: polygons that are black in every image: nothing is found there, and nobody sees it.
    """

    source: SourceSettings = CameraSettings()
    detector: DetectorSettings = AutoSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    tracker: TrackerSettings = TrackerSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    quality: QualitySettings = QualitySettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    privacy: PrivacySettings = PrivacySettings()
    zones: dict[Name, Polygon] = {}
    ignore: tuple[Polygon, ...] = ()
    schedule: ScheduleSettings = ScheduleSettings()
    summary: SummarySettings = SummarySettings()
    snapshots: SnapshotSettings = SnapshotSettings()


class Config(CameraConfig, frozen=True):
    """All settings; config/emotiond.yaml explains each key.

    Attributes:
        cameras: several cameras in one daemon, by name: `source` and every other setting of one
            camera; what one does not set is as at the top level. {}: `source` is the only camera.
        state_dir: the directory of what outlives a restart; None takes `state_directory`.
    """

    sinks: tuple[SinkSettings, ...] = (MqttSettings(),)
    preview: PreviewSettings = PreviewSettings()
    web: WebSettings = WebSettings()
    runtime: DelegateSettings = NO_DELEGATE
    retention: RetentionSettings = RetentionSettings()
    deployment: DeploymentSettings = DeploymentSettings()
    cameras: Annotated[dict[Name, CameraConfig], msgspec.Meta(max_length=MAX_CAMERAS)] = {}
    state_dir: Path | None = None

    def by_camera(self) -> "dict[str, Config]":
        """Return the config of each camera by name; the name of an only one is empty."""
        if not self.cameras:
            return {"": self}
        return {
            name: msgspec.structs.replace(self, cameras={}, **msgspec.structs.asdict(camera))
            for name, camera in self.cameras.items()
        }

    def with_camera(self, name: str, camera: "Config") -> "Config":
        """Return a copy in which the camera of that name is as in `camera`, a config of its own."""
        if not self.cameras:
            return camera
        own = CameraConfig(*(getattr(camera, key) for key in CameraConfig.__struct_fields__))
        return msgspec.structs.replace(self, cameras=self.cameras | {name: own})

    @property
    def state_folder(self) -> Path:
        """The directory of what outlives a restart."""
        return self.state_dir or state_directory()

    def outbox_paths(self) -> list[Path | None]:
        """Return the outbox of each sink: what it has not yet delivered; None keeps nothing."""
        names, folder = [sink.outbox_name for sink in self.sinks], self.state_folder
        return [folder / f"outbox-{name}.sqlite" if name is not None else None for name in names]

    def outgoing_flows(self) -> Iterator[DataFlow]:
        """Yield what leaves the process by each part."""
        first, *others = self.by_camera().values()
        allow_snapshots = any(one.privacy.allow_snapshots for one in (first, *others))
        sections = [getattr(first, name) for name in first.__struct_fields__]
        of_others = (part for one in others for part in (one.source, one.snapshots))
        for section in (*sections, *of_others):
            for part in section if isinstance(section, tuple) else (section,):
                tell = getattr(part, "data_flows", None)
                yield from tell(allow_snapshots) if tell else ()

    def redacted(self) -> Any:
        """Return it as plain values, without users and passwords but where these are kept."""
        replace, sinks = msgspec.structs.replace, tuple(sink.redacted() for sink in self.sinks)
        cameras = {
            name: replace(one, source=one.source.redacted()) for name, one in self.cameras.items()
        }
        shown = replace(self, source=self.source.redacted(), sinks=sinks, cameras=cameras)
        return msgspec.to_builtins(shown, enc_hook=str)


def load_config(path: Path, may_be_empty: bool = True) -> Config:
    """Read a config file; relative paths in it are taken from its own folder.

    Variables of the environment go before it: EMOTIOND_WEB__PORT=8081 sets `web.port`, and
    EMOTIOND_SINKS__0__HOST=broker the first sink's host. Their values are YAML. A ConfigError says
    in one line what is wrong: file, key, what was expected and found.
    """
    return parse_config_file(values.read_config(path), path, may_be_empty)


def parse_config_file(text: bytes, path: Path, may_be_empty: bool = True) -> Config:
    """Convert the text of a config file to a Config; errors and environment as `load_config`."""
    data = values.parse_yaml(text, path)
    if data is None and not may_be_empty:
        raise ConfigError(f"{path}: expected settings, found an empty file")
    try:
        given = values.with_environment({} if data is None else data, path.parent)
        return parse_config(given, path)
    except ConfigError:
        text, renamed = values.rename_keys(text)
        if not renamed:
            raise
    names = ", ".join(renamed)
    log.warning("%s: %s; `emotiond config migrate` renames it in the file", path, names)
    return parse_config_file(text, path)


def parse_config(data: Any, path: Path) -> Config:
    """Convert plain data to a Config, as if read from `path`; errors as `load_config`."""
    data = values.expand_shorthand(data, path.parent)
    cameras = data.get("cameras") if isinstance(data, dict) else None
    if not isinstance(cameras, dict) or len(cameras) > MAX_CAMERAS:
        return complete_config(_convert(data, Config, path), path)
    # Each by itself: so an error names its camera.
    config = _convert(data | {"cameras": {}}, Config, path)
    named = {name: _parse_camera(name, one, data, path) for name, one in cameras.items()}
    return complete_config(msgspec.structs.replace(config, cameras=named), path)


def _parse_camera(name: Any, own: Any, data: dict[str, Any], path: Path) -> CameraConfig:
    """Convert a camera's values, over those of the top level, which it inherits."""
    place = f"cameras.{str(name)[:80]}"
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError as error:
        text = f"{place}: expected a name of at most 64 letters, digits, - and _"
        raise ConfigError(f"{path}: {text}") from error
    if name in DEVICE_TOPICS:
        text = f"expected a name that is no topic of the device, which {name} is; choose another"
        raise ConfigError(f"{path}: {place}: {text}")
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: {place}: expected a mapping, such as {{source: 0}}")
    merged = values.inherit(own, data, CameraConfig.__struct_fields__)
    return _convert(merged, CameraConfig, path, f"{place}.")


def _convert(data: Any, kind: type[ConfigT], path: Path, place: str = "") -> ConfigT:
    """Convert plain data, which stands in the file at `place`; errors as `load_config`."""
    try:
        return msgspec.convert(data, kind, dec_hook=partial(_resolve_path, path.parent))
    except msgspec.ValidationError as error:
        text = format_validation_error(str(error), data, kind)
        raise ConfigError(f"{path}: {place}{text}") from error


def complete_config(config: Config, path: Path) -> Config:
    """Return a config whose sinks keep to its retention.

    ConfigError, of `path`: two sinks or cameras have one target or device, or a polygon is wrong.
    """
    _check_cameras(config, path)
    places: dict[str, int] = {}
    for place, sink in enumerate(config.sinks):
        for target in sink.targets:
            if (first := places.setdefault(target, place)) != place:
                text = f"sinks[{place}]: expected another target than that of sinks[{first}], found"
                remedy = "remove one, or give it another device, broker or path"
                raise ConfigError(f"{path}: {text} {target}; {remedy}")
    age = config.retention.max_event_age_s
    if age is None:
        return config
    sinks = tuple(sink.with_max_event_age(age) for sink in config.sinks)
    return msgspec.structs.replace(config, sinks=sinks)


def _check_cameras(config: Config, path: Path) -> None:
    devices: dict[str, str] = {}
    for camera, one in config.by_camera().items():
        place = f"{path}: cameras.{camera}." if camera else f"{path}: "
        polygons = {f"zones.{name}": polygon for name, polygon in one.zones.items()}
        polygons |= {f"ignore[{index}]": polygon for index, polygon in enumerate(one.ignore)}
        for name, polygon in polygons.items():
            if (fault := polygon_fault(polygon)) is not None:
                raise ConfigError(f"{place}{name}: {fault}")
        if one.snapshots.on and not one.privacy.allow_snapshots:
            text = "expected `privacy.allow_snapshots: true`, without which no image is written"
            raise ConfigError(f"{place}snapshots.on: {text}")
        device = f"{one.source.__struct_config__.tag} {one.source.location}"
        first = devices.setdefault(device, camera)
        if first != camera and isinstance(one.source, CameraSettings | PicameraSettings):
            text = f"expected another device than that of cameras.{first}, found {device}"
            raise ConfigError(f"{place}source: {text}; two cannot read it")
    if config.cameras and config.preview.enabled:
        text = "expected `enabled: false` with `cameras`: the window shows one; look at `web`"
        raise ConfigError(f"{path}: preview: {text}")


def changed_sections(old: Config | None, new: Config, digest: str | None) -> tuple[str, ...]:
    """Return the sections in which configs differ, or the classifier's files from a `digest`."""
    names = new.__struct_fields__
    changed = {name for name in names if getattr(old, name, None) != getattr(new, name)}
    if digest is not None and digest != classifier_digest(new.classifier):
        changed.add("classifier")
    return tuple(name for name in names if name in changed)


def parse_detector(text: str) -> DetectorSettings:
    """Return the detector that a command line names: its kind, or a YAML mapping as in a config."""
    option = Path("--detector")
    return parse_config({"detector": values.parse_yaml(text, option)}, option).detector


def parse_source(text: str) -> SourceSettings:
    """Return the source that a command line names in short; a video is read as fast as it can."""
    source = parse_config({"source": text}, Path("--source")).source
    if isinstance(source, VideoSettings):
        return msgspec.structs.replace(source, realtime=False)
    return source


def _resolve_path(folder: Path, kind: type, value: Any) -> Any:
    """Convert a text to a path of type `kind`; a relative one is taken from `folder`."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("Expected a path")
    if "/" not in value and Path(value).suffix != ".tflite" and kind in (ModelPath, LibraryPath):
        return kind(value)
    try:
        return kind(folder / Path(value).expanduser())
    except RuntimeError as error:
        raise ValueError(f"Expected a path ({error})") from error
