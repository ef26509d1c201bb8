"""`emotiond` and `python -m edge`: the command line, or why its packages cannot be imported."""

import sys

from edge.errors import ExitCode


def main() -> int:
    """Run `emotiond`; where a package that it needs is broken, print what the doctor would."""
    try:
        from edge.cli import main as run

        return run()
    except ImportError as error:
        from edge.doctor import check_opencv, check_python
        from edge.errors import Level

        print(f"emotiond: a package cannot be imported: {error}", file=sys.stderr)
        for result in (*check_python(), *check_opencv()):
            if result.level is not Level.OK:
                print(result, file=sys.stderr)
        return ExitCode.CONFIG


if __name__ == "__main__":
    sys.exit(main())
