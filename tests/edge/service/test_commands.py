import random
import signal
import threading
import time

from edge.service.commands import (
    CommandError,
    CommandQueue,
    CommandRequest,
    CommandResult,
    ErrorCode,
    GetInfo,
)


def request(answers: list[CommandResult | CommandError]) -> CommandRequest:
    return CommandRequest(GetInfo(), answers.append)


def test_requests_are_taken_in_the_order_in_which_they_were_submitted() -> None:
    queue = CommandQueue()
    first, second = request([]), request([])
    queue.submit(first)
    queue.submit(second)
    assert (queue.next(0), queue.next(0), queue.next(0)) == (first, second, None)


def test_too_many_requests_are_turned_away() -> None:
    queue, answers = CommandQueue(), list[CommandResult | CommandError]()
    for _ in range(17):
        queue.submit(request(answers))
    (answer,) = answers
    assert isinstance(answer, CommandError)
    assert answer.code is ErrorCode.BUSY


def test_whoever_waits_can_be_woken() -> None:
    queue = CommandQueue()
    queue.wake()
    assert queue.next(60) is None


def test_no_request_and_no_wake_is_ever_missed_however_they_meet_the_end_of_a_wait() -> None:
    queue, taken, woken = CommandQueue(), list[CommandRequest](), list[float]()
    submitted: list[CommandRequest] = []
    ended = threading.Event()

    def submit() -> None:
        dice, until = random.Random(22), time.monotonic() + 1.5
        while time.monotonic() < until:
            submitted.append(request([]))
            queue.submit(submitted[-1])
            while len(taken) < len(submitted) and time.monotonic() < until + 5:
                time.sleep(dice.choice((0.0, 0.0001, 0.001)))
        ended.set()
        queue.wake()

    def note(number: int, frame: object) -> None:
        woken.append(time.monotonic())
        queue.wake()  # in the thread that waits, wherever it is

    before = signal.signal(signal.SIGALRM, note)
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    thread = threading.Thread(target=submit)
    thread.start()
    longest = 0.0
    try:
        dice = random.Random(24)
        while not ended.is_set():
            began = time.monotonic()
            found = queue.next(dice.choice((0.0, 0.0001, 0.0005, 30.0)))
            longest = max(longest, time.monotonic() - began)
            if found is not None:
                taken.append(found)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        thread.join()
    assert taken == submitted
    assert len(taken) > 100
    assert len(woken) > 100
    assert longest < 5.0
