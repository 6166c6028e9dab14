"""One problem of the peers' benchmark: a layer's products in ours and in all libraries, in this process, on one core.

    python -m benchmarks.peers.products LIBRARIES CELL

LIBRARIES is the folder of packages where PyTorch is, looked at after our own ones. CELL is JSON: sizes and how long to
measure. Prints the rows of `sparserl bench kernels` as JSON.
"""

import json
import os
import sys


def main() -> None:
    sys.path.append(sys.argv[1])
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from sparserl.bench import KernelProducts, kernels
    from sparserl.bench.measuring import measure
    from sparserl.bench.results import rows

    cell = json.loads(sys.argv[2])
    options = KernelProducts(
        sparsities=(cell["sparsity"],),
        shapes=(f"{cell['inputs']}x{cell['outputs']}",),
        batch_sizes=(cell["batch_size"],),
        processes=1,
    )
    measured = [measure(case, cell["repetitions"], cell["window_seconds"]) for case in kernels.cases(options)]
    print(json.dumps(rows([sample for samples in measured for sample in samples])))


if __name__ == "__main__":
    main()
