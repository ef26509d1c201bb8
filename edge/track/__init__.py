"""Face tracking: when to detect, and how tracks continue from frame to frame."""

from edge.track.scheduler import DetectionScheduler, SchedulerSettings
from edge.track.tracker import Tracker, TrackerSettings

__all__ = ["DetectionScheduler", "SchedulerSettings", "Tracker", "TrackerSettings"]
