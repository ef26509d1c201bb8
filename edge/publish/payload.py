"""Records as JSON, the way subscribers see them."""

from datetime import datetime

import msgspec

from edge.records import EmotionEvent, Quality, Stats


def encode_event(event: EmotionEvent) -> bytes:
    """Return the payload of an event; docs/event.schema.json describes it."""
    width, height = event.frame_size
    return msgspec.json.encode(
        {
            "id": event.id,
            "time": _utc(event.time),
            "type": event.type.value,
            "track_id": event.track_id,
            "emotion": event.emotion,
            "confidence": event.confidence,
            "probabilities": event.probabilities,
            "reasons": [reason.value for reason in event.reasons],
            "quality": _quality(event.quality),
            "box": [round(edge, 1) for edge in event.box.edges],
            "frame": {"width": width, "height": height},
            "duration": round(event.duration, 3),
            "model": event.model,
            "detector": event.detector,
            "latency_ms": _milliseconds(event.latency),
        }
    )


def encode_stats(stats: Stats) -> bytes:
    """Return the payload of the stats topic."""
    return msgspec.json.encode(
        {
            "time": _utc(stats.time),
            "uptime": round(stats.uptime, 1),
            "online": stats.online,
            "fps": {"in": round(stats.fps_in, 1), "out": round(stats.fps_out, 1)},
            "frames": stats.frames,
            "detections": stats.detections,
            "faces": stats.faces,
            "refused": stats.refused,
            "events": stats.events,
            "dropped": stats.dropped,
            "frame_latency_ms": _percentiles(stats.frame_latency),
            "event_latency_ms": _percentiles(stats.event_latency),
        }
    )


def _quality(quality: Quality) -> dict[str, float | None]:
    return {
        "size": round(quality.size, 1),
        "sharpness": round(quality.sharpness, 4),
        "brightness": round(quality.brightness, 1),
        "contrast": round(quality.contrast, 1),
        "yaw": _degrees(quality.yaw),
        "roll": _degrees(quality.roll),
    }


def _degrees(angle: float | None) -> float | None:
    return None if angle is None else round(angle, 1) + 0.0  # which makes -0.0 a plain 0


def _utc(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _percentiles(latency: tuple[float, float] | None) -> dict[str, float] | None:
    if latency is None:
        return None
    p50, p95 = latency
    return {"p50": _milliseconds(p50), "p95": _milliseconds(p95)}
