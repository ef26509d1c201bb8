from edge.publish.mqtt.retained import RetainedMessages


def payloads(board: RetainedMessages) -> list[bytes]:
    return [letter.payload for letter in board.take()]


def test_what_is_pinned_is_told_once_and_retained() -> None:
    board = RetainedMessages()
    board.pin("a", b"1", qos=1)
    (letter,) = board.take()
    assert (letter.topic, letter.payload, letter.qos, letter.retain) == ("a", b"1", 1, True)
    assert board.take() == []


def test_the_newest_takes_the_place_of_what_was_not_told_yet() -> None:
    board = RetainedMessages()
    board.pin("a", b"1")
    board.pin("a", b"2")
    assert payloads(board) == [b"2"]


def test_what_did_not_change_is_not_told_again() -> None:
    board = RetainedMessages()
    board.pin("a", b"1")
    board.take()
    board.pin("a", b"1")
    assert board.take() == []


def test_a_broker_that_knows_nothing_is_told_everything_in_the_order_of_the_first_time() -> None:
    board = RetainedMessages()
    for topic in ("availability", "state", "stats"):
        board.pin(topic, topic.encode())
    board.take()
    board.pin("stats", b"newer")
    board.renew()
    assert [letter.topic for letter in board.take()] == ["availability", "state", "stats"]
