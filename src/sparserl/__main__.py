"""`python -m sparserl` is the command line."""

import sys

from sparserl.cli import main

sys.exit(main())
