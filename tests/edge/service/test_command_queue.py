from edge.service.command_queue import MOST_WAITING, CommandQueue
from edge.service.commands import CommandError, CommandRequest, CommandResult, ErrorCode, GetInfo


def request(answers: list[CommandResult | CommandError]) -> CommandRequest:
    return CommandRequest(GetInfo(), answers.append)


def test_requests_are_taken_in_the_order_in_which_they_were_handed_in() -> None:
    desk = CommandQueue({}, (), pictures=False)
    first, second = request([]), request([])
    desk.hand_in(first)
    desk.hand_in(second)
    assert (desk.next(0), desk.next(0), desk.next(0)) == (first, second, None)


def test_too_many_requests_are_turned_away() -> None:
    desk, answers = CommandQueue({}, (), pictures=False), list[CommandResult | CommandError]()
    for _ in range(MOST_WAITING + 1):
        desk.hand_in(request(answers))
    (answer,) = answers
    assert isinstance(answer, CommandError)
    assert answer.code is ErrorCode.BUSY


def test_whoever_waits_can_be_woken() -> None:
    desk = CommandQueue({}, (), pictures=False)
    desk.wake()
    assert desk.next(60) is None
