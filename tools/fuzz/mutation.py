"""Mutations of sample inputs: bytes and numbers as damage, chance and malice leave them."""

import random
import re
from collections.abc import Sequence

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFF)
"""Integers at which lengths and counters break."""

TOKENS = (
    *(b"", b"null", b"~", b"true", b"-1", b"0", b"1e309", b".nan", b"-.inf", b"0x_", b"1_0"),
    *(b"2026-13-45", b"[]", b"{}", b"[[[[[[[[", b"{a: {a: {a: ", b'"', b"'", b"&a [*a, *a]", b"*a"),
    *(
        b"!!python/object:os.system ''",
        b"\x00",
        b"\x1b[2J",
        b"\xff\xfe",
        b"\xc3\x28",
        b"%00",
        b"..",
    ),
    *(
        b"/etc/passwd",
        b"/dev/zero",
        b"\r\n",
        b"\n",
        b"\t",
        b"-",
        b"18446744073709551616",
        b"1" * 400,
    ),
    *("é🙂".encode(), "\u202e".encode(), b"A" * 5000),
)
"""Values that parsers meet with surprise."""

WORD = re.compile(rb"[A-Za-z0-9_.+-]+")


def mutate(samples: Sequence[bytes], rng: random.Random) -> bytes:
    """Return one sample after one to eight random changes.

    Args:
        samples: sound inputs; parts of one may be put into another.
        rng: decides everything, so that a seed repeats a run.
    """
    data = bytearray(rng.choice(samples))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 8))):
        rng.choice(CHANGES)(data, samples, rng)
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Return a position; headers, which decide most, are hit as often as all the rest."""
    end = min(len(data), 256) if rng.random() < 0.5 else len(data)
    return rng.randrange(end + 1)


def _flip_bit(data: bytearray, _samples: Sequence[bytes], rng: random.Random) -> None:
    place = _place(data, rng)
    if place < len(data):
        data[place] ^= 1 << rng.randrange(8)


def _write_extreme(data: bytearray, _samples: Sequence[bytes], rng: random.Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(EXTREMES) & ((1 << 8 * size) - 1)
    place = _place(data, rng)
    data[place : place + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _cut(data: bytearray, _samples: Sequence[bytes], rng: random.Random) -> None:
    place = _place(data, rng)
    del data[place : place + rng.choice((1, 4, 64, len(data)))]


def _repeat(data: bytearray, _samples: Sequence[bytes], rng: random.Random) -> None:
    place = _place(data, rng)
    part = data[place : place + rng.choice((1, 16, 256))]
    data[place:place] = part * rng.choice((1, 2, 20))


def _splice(data: bytearray, samples: Sequence[bytes], rng: random.Random) -> None:
    other = rng.choice(samples)
    place = rng.randrange(len(other) + 1)
    data[_place(data, rng) :] = other[place:]


def _insert_token(data: bytearray, _samples: Sequence[bytes], rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = rng.choice(TOKENS)


def _replace_word(data: bytearray, _samples: Sequence[bytes], rng: random.Random) -> None:
    start = _place(data, rng)
    word = WORD.search(data, start, start + 400)
    if word:
        data[word.start() : word.end()] = rng.choice(TOKENS)


CHANGES = (_flip_bit, _write_extreme, _cut, _repeat, _splice, _insert_token, _replace_word)
