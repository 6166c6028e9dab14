"""`python -m sparserl` is the command line."""

import sys

from sparserl.modules import look_here_last

if __name__ == "__main__":
    look_here_last()  # before libraries are imported
    from sparserl.cli import main

    sys.exit(main())
