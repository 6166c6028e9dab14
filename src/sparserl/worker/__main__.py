"""The worker: `python -m sparserl.worker RUN_FOLDER` trains one seed of one experiment in this process.

It reads `experiment.json` beside the run's folder and, where there is one, `request.json` in it, writes only inside
that folder, and tells its progress as JSON lines on standard output. A run that is over is left as it is; any other
goes on from its newest whole checkpoint. The exit statuses are those of `processes.outcomes`.

With `--observation-noise` it trains nothing: it evaluates the policies of runs that have finished under such noise, and
leaves `noise.parquet`.

Several folders are seeds of one experiment, which it trains side by side in one program. All of them must be named
whenever the worker is started again, those that are over, too. It then ends as the worst of them.
"""

# ruff: noqa: E402
from sparserl.processes import ambient

_ASIDE = ambient.settle()  # before jax is imported

import argparse
import signal
import traceback
from contextlib import suppress
from pathlib import Path

from sparserl.processes import binding
from sparserl.processes.log import tell
from sparserl.processes.outcomes import FAILED
from sparserl.worker.channel import Channel
from sparserl.worker.pulse import beat


def main() -> None:
    options = _options()
    channel = Channel(engine=options.hang_seconds is not None)
    binding.bind(options.core, options.parent, signal.SIGTERM)
    for line in _ASIDE:
        tell(line)
    if options.hang_seconds is not None:
        beat(channel.say, options.hang_seconds)
    try:
        from sparserl.worker.serving import serve  # JAX takes its time, in which there are signs of life already

        exit_status = serve(options, channel)
    except BaseException:
        with suppress(OSError, ValueError):
            traceback.print_exc()
        exit_status = FAILED
    channel.end(exit_status)


def _deviations(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split(",")))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sparserl.worker", description=__doc__)
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN_FOLDER")
    binding.add_options(parser)
    parser.add_argument("--lease-seconds", type=float, help="how long others wait when silent")
    parser.add_argument("--hang-seconds", type=float, help="an engine's, which waits so long for a sign of life")
    parser.add_argument("--checkpoint-seconds", type=float, help="between checkpoints, 60 or more by itself")
    parser.add_argument("--memory-limit-bytes", type=int, help="fail rather than hold more (Linux)")
    modes = ("auto", "exact", "fresh-episode")
    parser.add_argument("--resume", choices=modes, default="auto", help="exactly, or with fresh episodes")
    parser.add_argument("--observation-noise", type=_deviations, default=(), help="evaluate under these, as in 0,5,10")
    parser.add_argument("--force", action="store_true", help="go on from a checkpoint of another machine class")
    options = parser.parse_args()
    options.run_folders = [folder.absolute() for folder in options.run_folders]  # environments may change the directory
    return options


if __name__ == "__main__":
    main()
