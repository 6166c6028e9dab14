"""`python -m sparserl` is the command line."""

import signal
import sys

from sparserl.modules import look_here_last

if __name__ == "__main__":  # signals wait until there is somebody who heeds them
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    look_here_last()  # before libraries are imported

from sparserl.cli import main

if __name__ == "__main__":
    sys.exit(main())
