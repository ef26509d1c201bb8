"""Faces followed from frame to frame: when to detect, when to track, when to skip."""

from edge.track.scheduler import DetectionScheduler, SchedulerSettings
from edge.track.tracker import Tracker, TrackerSettings

__all__ = ["DetectionScheduler", "SchedulerSettings", "Tracker", "TrackerSettings"]
