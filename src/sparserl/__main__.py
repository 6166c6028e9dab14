"""The door of the command line: `python -m sparserl`, and what the installed `sparserl` calls."""

import sys


def main() -> int:
    """Run the command line of this process, and return its exit status."""
    try:
        from sparserl.modules import look_here_last

        look_here_last()  # before anything is imported that a file in the current directory could hide
        import signal

        # Signals wait until there is somebody who heeds them.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        from sparserl.cli import main
    except KeyboardInterrupt:  # it came before they waited
        sys.stderr.write("sparserl: interrupted; the same command goes on\n")
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(main())
