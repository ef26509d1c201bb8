"""Print the releases of Home Assistant that are tested and run on the Python that runs this."""

import sys

PYTHONS = {
    "2025.1": ((3, 13, 0), (3, 14)),
    "2026.2": ((3, 13, 2), (3, 14)),
    "2026.11": ((3, 14, 2), (3, 15)),
}
"""The first Python that each runs on, with all it needs, and the first it was not tried on."""

if __name__ == "__main__":
    here = sys.version_info[:3]
    print(*(name for name, (since, before) in PYTHONS.items() if since <= here < before))  # noqa: T201 # for make
