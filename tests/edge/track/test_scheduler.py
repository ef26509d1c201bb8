import time
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.detect import open_detector
from edge.detect.haar import HaarSettings
from edge.geometry import Box, CropCalibration
from edge.track.scheduler import CostEstimate, CpuBudget, DetectionScheduler, SchedulerSettings
from edge.track.tracker import TrackerSettings
from edge.types import Face, Image, TrackedFrame
from tests.edge.detect.test_detector import face as looking
from tests.events import frame

FPS = 25
ONCE = TrackerSettings(min_hits=1, min_age_s=0.0)
STEADY = SchedulerSettings(interval_frames=4, motion_threshold=0.0, max_interval_s=10.0)


class RecordingDetector:
    """Haar, counting how often and where it is asked to look."""

    name = "witness"
    searches_near = False
    crop_fit = CropCalibration(1.0, 0.0, 0.0)

    def __init__(self, cost: float = 0.0) -> None:
        self.asked: list[int] = []
        self._haar = open_detector(HaarSettings())
        self._cost = cost

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        self.asked.append(len(known))
        end = time.thread_time() + self._cost
        while time.thread_time() < end:
            pass
        return self._haar.detect(image, known if self.searches_near else ())


class Always(RecordingDetector):
    """Finds a face in the same place of every image."""

    def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
        self.asked.append(len(known))
        return [Face(Box(200, 100, 400, 300), 0.9)]


def shifted(image: Image, right: float) -> Image:
    matrix = np.array([[1.0, 0, right], [0, 1.0, 0]])
    moved = cv2.warpAffine(image, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def update_all(scheduler: DetectionScheduler, images: Sequence[Image]) -> list[TrackedFrame]:
    return [
        scheduler.update(frame(number / FPS, image=image)) for number, image in enumerate(images)
    ]


def track(
    detector: RecordingDetector,
    settings: SchedulerSettings,
    images: Sequence[Image],
    live: bool = False,
) -> tuple[DetectionScheduler, list[TrackedFrame]]:
    scheduler = DetectionScheduler(detector, ONCE, settings, live)
    return scheduler, update_all(scheduler, images)


def test_the_detector_runs_at_every_fourth_frame_and_the_face_is_tracked_between(
    clip: list[Image],
) -> None:
    detector = RecordingDetector()
    images = [shifted(clip[0], 3.0 * step) for step in range(17)]
    scheduler, seen = track(detector, STEADY, images)
    assert len(detector.asked) == scheduler.detections == 5
    assert all(tracked.tracks[0].seen for tracked in seen)
    assert {tracked.tracks[0].track_id for tracked in seen} == {1}


def test_between_detections_the_box_moves_with_the_face(clip: list[Image]) -> None:
    _, seen = track(
        RecordingDetector(), STEADY, [shifted(clip[0], 3.0 * step) for step in range(4)]
    )
    first, last = seen[0].tracks[0].box, seen[3].tracks[0].box
    assert last.x1 - first.x1 == pytest.approx(9.0, abs=1.0)


def test_a_face_not_yet_confirmed_is_detected_in_every_frame(clip: list[Image]) -> None:
    detector = RecordingDetector()
    update_all(
        DetectionScheduler(
            detector, TrackerSettings(min_hits=5, min_age_s=0.0), STEADY, live=False
        ),
        [clip[0]] * 9,
    )
    assert len(detector.asked) == 6


def test_a_face_that_is_lost_is_detected_at_once(clip: list[Image]) -> None:
    detector, hidden = RecordingDetector(), clip[0].copy()
    hidden[100:400, 180:460] = 127
    track(detector, STEADY, [clip[0], clip[0], hidden, hidden, hidden])
    assert len(detector.asked) == 3


def test_while_nothing_moves_the_detector_waits_and_the_face_stays_seen(clip: list[Image]) -> None:
    detector = RecordingDetector()
    settings = SchedulerSettings(interval_frames=1, motion_threshold=6.0, max_interval_s=1.0)
    _, seen = track(detector, settings, [clip[0]] * FPS)
    assert len(detector.asked) == 1
    assert all(tracked.tracks[0].seen for tracked in seen)


def test_a_static_scene_is_searched_again_after_the_longest_interval(clip: list[Image]) -> None:
    detector = RecordingDetector()
    settings = SchedulerSettings(interval_frames=1, motion_threshold=6.0, max_interval_s=0.4)
    track(detector, settings, [clip[0]] * (FPS + 1))
    assert len(detector.asked) == 3


def test_a_face_that_appears_in_a_static_scene_is_found_in_that_frame(clip: list[Image]) -> None:
    empty = np.full_like(clip[0], 150)
    _, seen = track(
        RecordingDetector(), SchedulerSettings(interval_frames=1), [empty] * 5 + [clip[0]]
    )
    assert [len(tracked.tracks) for tracked in seen] == [0] * 5 + [1]


def test_the_whole_picture_is_searched_now_and_then_and_near_known_faces_otherwise(
    clip: list[Image],
) -> None:
    detector = RecordingDetector()
    detector.searches_near = True
    settings = SchedulerSettings(
        interval_frames=1, motion_threshold=0.0, full_search_interval_s=0.19
    )
    track(detector, settings, [clip[0]] * 11)
    assert detector.asked == [0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0]


def test_a_detector_that_searches_everywhere_always_gets_the_known_faces(
    clip: list[Image],
) -> None:
    detector = RecordingDetector()
    track(
        detector,
        SchedulerSettings(interval_frames=1, motion_threshold=0.0, full_search_interval_s=0.19),
        [clip[0]] * 8,
    )
    assert detector.asked == [0, *[1] * 7]


def test_with_nobody_in_view_a_detector_that_searches_near_faces_waits_for_its_full_turn(
    clip: list[Image],
) -> None:
    images = [np.full_like(clip[0], 15 * (step % 2)) for step in range(FPS + 1)]
    settings = SchedulerSettings(interval_frames=1, full_search_interval_s=0.19)
    near, everywhere = RecordingDetector(), RecordingDetector()
    near.searches_near = True
    track(near, settings, images)
    track(everywhere, settings, images)
    assert len(near.asked) == 6
    assert len(everywhere.asked) == len(images)


def test_a_slow_detector_runs_less_often_on_a_live_source_and_never_too_seldom(
    clip: list[Image],
) -> None:
    images = [shifted(clip[0], float(step % 3)) for step in range(3 * FPS)]
    settings = SchedulerSettings(
        interval_frames=1, cpu_budget=0.05, max_interval_s=1.0, motion_threshold=0.0
    )
    slow, cheap = RecordingDetector(cost=0.05), RecordingDetector()
    track(slow, settings, images, live=True)
    track(cheap, replace_budget(settings, 1.0), images, live=True)
    assert 3 <= len(slow.asked) <= 6
    assert len(cheap.asked) > 4 * len(slow.asked)


def replace_budget(settings: SchedulerSettings, share: float) -> SchedulerSettings:
    return SchedulerSettings(
        settings.interval_frames,
        share,
        settings.max_interval_s,
        settings.motion_threshold,
        settings.full_search_interval_s,
    )


def test_with_a_file_the_budget_does_not_count(clip: list[Image]) -> None:
    detector = RecordingDetector(cost=0.03)
    settings = SchedulerSettings(interval_frames=1, cpu_budget=0.001, motion_threshold=0.0)
    track(detector, settings, [clip[0]] * 10)
    assert len(detector.asked) == 10


def test_a_frame_of_another_size_begins_anew(clip: list[Image]) -> None:
    large = np.asarray(cv2.resize(clip[0], (1280, 960)), dtype=np.uint8)
    _, seen = track(RecordingDetector(), STEADY, [clip[0], clip[0], large])
    first, _, last = (tracked.tracks[0] for tracked in seen)
    assert (first.track_id, last.track_id) == (1, 2)
    assert last.box.width / first.box.width == pytest.approx(2.0, rel=0.05)


def test_a_cut_in_a_video_ends_every_track(clip: list[Image]) -> None:
    negative = np.asarray(255 - clip[0], dtype=np.uint8)
    faces = Always()
    _, seen = track(faces, STEADY, [clip[0], clip[0], negative, negative])
    assert [[one.track_id for one in tracked.tracks] for tracked in seen] == [[1], [1], [2], [2]]


def test_a_lamp_before_a_camera_ends_no_track(clip: list[Image]) -> None:
    negative = np.asarray(255 - clip[0], dtype=np.uint8)
    _, seen = track(Always(), STEADY, [clip[0], clip[0], negative], live=True)
    assert {one.track_id for tracked in seen for one in tracked.tracks} == {1}


def test_each_still_is_searched_by_itself(clip: list[Image]) -> None:
    detector = RecordingDetector()
    scheduler = DetectionScheduler(detector, TrackerSettings(), SchedulerSettings(), live=False)
    seen = [scheduler.update(replace(frame(0.0, image=clip[0]), still=True)) for _ in range(3)]
    assert [tracked.tracks[0].track_id for tracked in seen] == [1, 2, 3]
    assert detector.asked == [0, 0, 0]


def test_a_face_that_fills_a_still_is_found_in_a_second_search(clip: list[Image]) -> None:
    class Far(RecordingDetector):
        """Finds what is bright, where it takes less than half of the image's height."""

        def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
            self.asked.append(len(known))
            rows, columns = np.nonzero(image[..., 0] > 200)
            box = Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            return [Face(box, 0.9)] if 2 * box.height < image.shape[0] + 1 else []

    image = np.full((100, 200, 3), 255, dtype=np.uint8)
    scheduler = DetectionScheduler(
        detector := Far(), TrackerSettings(), SchedulerSettings(), live=False
    )
    (track,) = scheduler.update(replace(frame(0.0, image=image), still=True)).tracks
    assert track.box == Box(0, 0, 200, 100)
    assert len(detector.asked) == 2


def test_a_detection_whose_landmarks_are_no_faces_is_dropped() -> None:
    class Confused(RecordingDetector):
        def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
            return [looking(), looking(roll=180)]

    scheduler = DetectionScheduler(Confused(), ONCE, STEADY, live=False)
    assert len(scheduler.update(frame(0.0)).tracks) == 1


WATCHFUL = SchedulerSettings(interval_frames=1, motion_threshold=6.0, max_interval_s=1.0)


def test_a_scene_without_face_and_motion_is_idle_after_a_while(
    clip: list[Image],
) -> None:
    blank = np.full_like(clip[0], 127)
    scheduler = DetectionScheduler(RecordingDetector(), ONCE, WATCHFUL, live=True)
    update_all(scheduler, [blank] * (3 * FPS))
    assert not scheduler.idle
    scheduler.update(frame(3.0, image=blank))
    assert scheduler.idle
    scheduler.update(frame(3.1, image=clip[0]))
    assert not scheduler.idle


def test_a_scene_with_a_face_is_never_idle(clip: list[Image]) -> None:
    scheduler = DetectionScheduler(RecordingDetector(), ONCE, WATCHFUL, live=True)
    update_all(scheduler, [clip[0]] * (4 * FPS))
    assert not scheduler.idle


def test_where_motion_is_not_measured_no_scene_is_idle(clip: list[Image]) -> None:
    scheduler = DetectionScheduler(
        RecordingDetector(),
        ONCE,
        SchedulerSettings(interval_frames=1, motion_threshold=0.0),
        live=True,
    )
    update_all(scheduler, [np.full_like(clip[0], 127)] * (4 * FPS))
    assert not scheduler.idle


BUSY = SchedulerSettings(interval_frames=2, motion_threshold=6.0, max_interval_s=10.0)


def walking(clip: list[Image], beside: int = 0) -> list[Image]:
    """Return pictures of a small face that walks, and of a thing that moves so much beside it."""
    face = cv2.resize(clip[0][80:400, 160:480], (120, 120))
    pictures = []
    for step in range(13):
        picture = np.full_like(clip[0], 127)
        picture[180:300, 200 + 3 * step : 320 + 3 * step] = face
        picture[440:470, 20 + beside * step : 60 + beside * step] = 255
        pictures.append(picture)
    return pictures


def test_while_only_the_known_face_moves_the_detector_runs_a_third_as_often(
    clip: list[Image],
) -> None:
    detector = RecordingDetector()
    _, seen = track(detector, BUSY, walking(clip))
    assert len(detector.asked) == 3
    assert all(tracked.tracks[0].seen for tracked in seen)


def test_motion_beside_the_known_face_is_searched_as_soon_as_it_is_due(
    clip: list[Image],
) -> None:
    detector = RecordingDetector()
    track(detector, BUSY, walking(clip, beside=8))
    assert len(detector.asked) == 7


def test_a_crowd_before_a_camera_is_detected_at_every_frame_where_tracking_costs_more(
    clip: list[Image],
) -> None:
    class Crowd(RecordingDetector):
        def detect(self, image: Image, known: Sequence[Box] = ()) -> list[Face]:
            self.asked.append(len(known))
            return [
                Face(Box(x, y, x + 60, y + 60), 0.9) for x in range(0, 600, 80) for y in (0, 90)
            ]

    settings = SchedulerSettings(
        interval_frames=6, cpu_budget=1.0, motion_threshold=0.0, max_interval_s=10.0
    )
    images = [shifted(clip[0], 0.5 * step) for step in range(13)]
    before_camera, in_film = Crowd(), Crowd()
    track(before_camera, settings, images, live=True)
    track(in_film, settings, images, live=False)
    assert len(before_camera.asked) >= 11
    assert len(in_film.asked) <= 8, "what is measured must not change what a film shows"


def work(seconds: float) -> None:
    """Use the processor."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def spend(budget: CpuBudget, seconds: float) -> None:
    with budget.charge():
        work(seconds)


def test_a_new_budget_is_available_and_costly_work_uses_it_up() -> None:
    budget = CpuBudget(0.01)
    assert budget.available
    spend(budget, 0.02)
    assert not budget.available


def test_time_that_passes_refills_it() -> None:
    budget = CpuBudget(0.1)
    budget.refill(100.0)
    spend(budget, 0.12)
    assert not budget.available
    budget.refill(100.1)
    assert not budget.available
    budget.refill(101.0)
    assert budget.available


def test_an_idle_hour_saves_a_second_of_the_share() -> None:
    budget = CpuBudget(0.02)
    budget.refill(0.0)
    budget.refill(3600.0)
    spend(budget, 0.03)
    assert not budget.available


def test_waiting_costs_nothing() -> None:
    budget = CpuBudget(0.01)
    with budget.charge():
        time.sleep(0.05)
    assert budget.available


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    budget = CpuBudget(0.01)
    budget.refill(50.0)
    budget.refill(10.0)
    assert budget.available


def test_work_that_fails_is_charged_too() -> None:
    budget = CpuBudget(0.01)
    try:
        with budget.charge():
            work(0.02)
            raise ValueError
    except ValueError:
        assert not budget.available


def test_a_long_burst_is_forgotten_in_a_second() -> None:
    budget = CpuBudget(0.01)
    budget.refill(0.0)
    for _ in range(5):
        spend(budget, 0.02)
    budget.refill(1.1)
    assert budget.available


def test_a_cost_is_that_of_one_repetition_and_follows_the_work() -> None:
    cost = CostEstimate()
    assert cost.seconds == 0.0
    with cost.measure(count=2):
        work(0.02)
    assert cost.seconds == pytest.approx(0.01, rel=0.3)
    for _ in range(30):
        with cost.measure():
            work(0.002)
    assert cost.seconds == pytest.approx(0.002, abs=0.002)
