"""Scripts: programs beside the command, whose mistakes are told as the command tells them."""

import os
import sys
from collections.abc import Callable

from sparserl.errors import UserError
from sparserl.experiment import RunFailure
from sparserl.processes.outcomes import FAILED, FINISHED, INTERRUPTED, WRONG


def run(main: Callable[[], None]) -> int:
    """The exit status of `main()`: 2, and one line on standard error, where it was asked for what cannot be."""
    name = os.path.basename(sys.argv[0])
    try:
        main()
        return FINISHED
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return WRONG
    except RunFailure as error:
        print(f"{name}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
