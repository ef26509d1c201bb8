"""Fuzzers: damaged files and requests, each met by a child process whose end is judged."""
