"""`emotiond` and `python -m edge`: the command line, or why its packages cannot be imported."""

import sys

from edge.doctor.opencv import examine_opencv
from edge.doctor.python import examine_python
from edge.doctor.result import Level
from edge.errors import ExitCode


def main() -> int:
    """Run `emotiond`; where a package that all of it needs is broken, say what the doctor would."""
    try:
        from edge.cli import main as run
    except ImportError as error:
        return _explain(error)
    return run()


def _explain(error: ImportError) -> int:
    print(f"emotiond: a package cannot be imported: {error}", file=sys.stderr)
    for finding in (*examine_python(), *examine_opencv()):
        if finding.level is not Level.OK:
            print(finding, file=sys.stderr)
    return ExitCode.CONFIG


if __name__ == "__main__":
    sys.exit(main())
