"""`python -m converter` is `emotiond-convert`."""

import sys

from converter.cli import main

sys.exit(main())
