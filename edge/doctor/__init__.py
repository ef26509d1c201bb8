"""`emotiond doctor`: checks of this machine and of what the config names, each with its remedy.

Imports nothing but the standard library: it must say why other packages cannot be imported.
"""

from edge.errors import CheckResult, Level, failure, ok, warning

__all__ = ["CheckResult", "Level", "failure", "ok", "warning"]
