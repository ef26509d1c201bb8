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
