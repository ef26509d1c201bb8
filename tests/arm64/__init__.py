"""emotiond as a Raspberry Pi runs it, under emulation: the same answers, and how much work they are.

`make test-arm64` and `make bench-arm64` use `arm64-bench`, a program beside the project that makes
an arm64 Debian, runs it by user-mode emulation with a board's processor, and counts instructions.
"""
