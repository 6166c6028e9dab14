"""Cluster: the Dask workers that a study runs on: threads here or processes anywhere, the engine cannot tell which."""

import asyncio
import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, Security
from distributed.core import rpc

from sparserl.errors import UserError
from sparserl.processes.cores import allowed_cores, allowed_gpus, refuse_without_gpu
from sparserl.processes.versions import difference, versions

CONNECT_SECONDS = 5.0
CHECK_SECONDS = 15.0

# Workers are threads of this process: no ports, no profiler, no spilling, and no worker is dead because a laptop slept.
_LOCAL_CHOICES: Mapping[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.worker-ttl": None,
    "distributed.scheduler.idle-timeout": None,
    "distributed.scheduler.no-workers-timeout": None,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.lifetime.duration": None,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.log-length": 10,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.low-level-log-length": 100,
}


@contextmanager
def connected(scheduler: str | None, num_workers: int | None = None, gpu: bool = False) -> Iterator[Client]:
    """A client of the cluster at an address, or of one in this process: a thread for each core (or GPU), no open port.

    Raises UserError where nobody answers, and where versions differ between here and the workers.
    """
    for name in ("distributed", "tornado", "asyncio"):  # what matters is told by the engine
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if scheduler is not None:
        with _connect(scheduler) as client:
            yield client
        return
    with (
        dask.config.set(_LOCAL_CHOICES),
        _local_cluster(num_workers or _num_workers(gpu)) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def workers(client: Client) -> tuple[list[str], int]:
    """The addresses of the cluster's workers, and how many runs they can work on at once."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    return sorted(known), sum(worker["nthreads"] for worker in known.values())


def silent_workers(client: Client, seconds: float) -> list[str]:
    """The workers that the scheduler heard from that many seconds earlier than from the latest of them, or more.

    Whatever they work on, workers report every second or so; frozen ones do not.
    """
    known = client.scheduler_info(n_workers=-1)["workers"]
    latest = max((worker["last_seen"] for worker in known.values()), default=0.0)
    return sorted(address for address, worker in known.items() if latest - worker["last_seen"] > seconds)


def check_workers(client: Client, folder: Path) -> None:
    """Refuse workers whose versions differ from ours, or that do not see `folder`, in one line that names the first.

    If any does not answer within CHECK_SECONDS, none is refused here: each checks again before it starts a run.
    """
    answers: queue.SimpleQueue[Mapping[str, Any] | Exception] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(client, folder, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=CHECK_SECONDS)
    except queue.Empty:
        return
    if isinstance(answer, Exception):
        raise UserError(f"the workers of {client.scheduler.address} cannot be asked: {answer}") from answer
    for address, looked in sorted(answer.items()):
        if isinstance(looked, BaseException):
            raise UserError(f"worker {address} cannot run sparserl: {type(looked).__name__}: {looked}")
        if other := difference(versions(), looked["versions"]):
            raise UserError(f"worker {address} on {looked['host']} has {other}: install the same versions everywhere")
        if not looked["sees_folder"]:
            raise UserError(
                f"worker {address} on {looked['host']} does not see {folder}: give an --output that all workers share"
            )


def evict(client: Client, address: str) -> None:
    """Have the scheduler hand the tasks of a worker that no longer answers to others, without asking that worker.

    A scheduler of another version may not know how; it then drops the worker when its own timeout has passed.
    """

    async def remove(dask_scheduler: Any) -> None:
        await dask_scheduler.remove_worker(address, stimulus_id="sparserl-silent")

    with suppress(Exception):
        client.run_on_scheduler(remove)


def _ask(client: Client, folder: Path, answers: "queue.SimpleQueue[Mapping[str, Any] | Exception]") -> None:
    try:
        answers.put(client.run(_look, str(folder.absolute()), on_error="return", nanny=False))
    except Exception as error:
        answers.put(error)


def _look(folder: str) -> Mapping[str, Any]:
    return {"versions": versions(), "host": socket.gethostname(), "sees_folder": os.path.isdir(folder)}


@contextmanager
def _connect(address: str) -> Iterator[Client]:
    try:
        _asked(lambda: asyncio.wait_for(_knock(address), CONNECT_SECONDS))  # a client that fails would not end for long
    except (OSError, TimeoutError) as error:
        raise UserError(
            f"no Dask scheduler answers at {address} within {CONNECT_SECONDS:g} seconds; `dask scheduler` starts one"
        ) from error
    except (ValueError, TypeError, ImportError) as error:
        raise UserError(
            f"it takes an address such as tcp://host:8786 ({error})", field="scheduler", value=address
        ) from error
    except Exception as error:
        raise UserError(f"what answers at {address} is no Dask scheduler of this version: {error}") from error
    with Client(address, timeout=CONNECT_SECONDS, set_as_default=False) as client:
        yield client


def _asked(question: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Wait for a coroutine in a thread of its own: a notebook's main thread has an event loop that runs already."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(question())).result()


async def _knock(address: str) -> None:
    arguments = Security().get_connection_args("client")
    async with rpc(address, connection_args=arguments, timeout=CONNECT_SECONDS) as scheduler:
        if (await scheduler.identity())["type"] != "Scheduler":
            raise RuntimeError("it is another part of a cluster")


def _num_workers(gpu: bool) -> int:
    if gpu:
        refuse_without_gpu()
    return len(allowed_gpus() if gpu else allowed_cores())


@contextmanager
def _local_cluster(num_workers: int) -> Iterator[LocalCluster]:
    """Scheduler and workers as threads. Dask opens a port for the status page of each: they are closed at once."""
    here = "127.0.0.1:0"
    with LocalCluster(
        n_workers=num_workers,
        threads_per_worker=1,
        processes=False,
        protocol="inproc://",
        dashboard_address=here,
        worker_dashboard_address=here,
        memory_limit=0,
        silence_logs=False,
    ) as cluster:
        cluster.sync(_close_ports, cluster)
        yield cluster


async def _close_ports(cluster: LocalCluster) -> None:
    for node in (cluster.scheduler, *cluster.workers.values()):
        node.http_server.stop()
