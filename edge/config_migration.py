"""Config keys of version 0.1, which get their present names; nothing else of a file changes."""

import re
from typing import Any

import yaml

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
"""Keys and values, and what they are called now, with `[]` for any item of a list."""


Edit = tuple[int, int, str]  # begin and end of characters that are replaced, and by what


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
