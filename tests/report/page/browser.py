"""A browser for tests: Chromium without a window, driven through a pipe by its own protocol.

There is no driver to install: Chromium speaks JSON over two file descriptors when it is started so.
https://chromedevtools.github.io/devtools-protocol/
"""

import fcntl
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--mute-audio")
FLAGS += ("--disable-dev-shm-usage", "--disable-background-networking", "--disable-extensions", "--disable-sync")


def chromium() -> str | None:
    """The program, as the system or Playwright installs it; None where there is none."""
    installed = next(filter(None, map(shutil.which, NAMES)), None)
    cache = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright"
    kept = sorted(Path(cache).glob("chromium*/chrome-linux*/*chrome*")) if not installed else []
    return installed or next((str(path) for path in kept if os.access(path, os.X_OK) and path.is_file()), None)


# The protocol's descriptors are 3 and 4, which may be others here; the child has only what it was passed.
BEGIN = """
import os, sys
reading, writing, *command = sys.argv[1:]
os.dup2(int(reading), 3)
os.dup2(int(writing), 4)
os.execv(command[0], command)
"""


class Tab:
    """One page that is shown: what it logged, what it asked for, and what scripts in it answer."""

    def __init__(self, pipe: "Pipe", session: str) -> None:
        self._pipe, self._session, self._scripts = pipe, session, True
        self._loaded: set[str] = set()
        self.problems: list[str] = []  # console messages, exceptions, violations of the policy, dialogs
        self.requests: list[str] = []  # all but that for the page itself
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers. Raises RuntimeError where it refuses."""
        return self._pipe.call(method, params, self._session, self._note)

    def open(self, address: str) -> None:
        """Load a page anew, and wait until it has loaded."""
        for each in ("about:blank", address):  # or another fragment would not load anything
            self.problems, self.requests = [], []
            loader = self.call("Page.navigate", url=each)["loaderId"]
            while loader not in self._loaded:
                self._pipe.wait(self._session, self._note)
        if self._scripts:
            self.settle()

    def settle(self) -> None:
        """Let what has been asked for happen: two frames, and what waits in between."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited. Raises RuntimeError with what it throws."""
        options = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.call("Runtime.evaluate", **options)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def resize(self, width: int, height: int = 800, mobile: bool = False) -> None:
        """The size of the window, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def scripts(self, allowed: bool) -> None:
        """Whether pages that are opened from now on may run scripts; `run` does always, but nothing that waits."""
        self._scripts = allowed
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def press(self, key: str) -> None:
        """A key, such as Tab or Enter."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else "")

    def _note(self, event: dict[str, Any]) -> None:
        params = event["params"]
        match event["method"]:
            case "Page.lifecycleEvent" if params["name"] == "load":
                self._loaded.add(params["loaderId"])
            case "Runtime.consoleAPICalled":
                self.problems.append(f"console: {params['args']}")
            case "Runtime.exceptionThrown":
                self.problems.append(f"exception: {params['exceptionDetails']}")
            case "Log.entryAdded":
                self.problems.append(f"log: {params['entry']['text']}")
            case "Page.javascriptDialogOpening":
                self.problems.append(f"dialog: {params['message']}")
                self._pipe.send("Page.handleJavaScriptDialog", {"accept": True}, self._session)
            case "Network.requestWillBeSent" if params["type"] != "Document" and not _is_inside(params["request"]):
                self.requests.append(params["request"]["url"][:200])


def _is_inside(request: dict[str, Any]) -> bool:
    return bool(request["url"].startswith("data:"))


class Pipe:
    """Messages to and from a browser, each a JSON text that ends in a zero byte."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing, self._buffer = reading, writing, b""
        self._numbers = itertools.count(1)
        self._waiting: list[dict[str, Any]] = []

    def send(self, method: str, params: dict[str, Any], session: str | None = None) -> int:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        self._write(message)
        return number

    def _write(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._writing, content) :]

    def call(self, method: str, params: dict[str, Any], session: str | None = None, note: Any = None) -> dict[str, Any]:
        number = self.send(method, params, session)
        while True:
            message = self._read()
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return dict(message["result"])
            self._tell(message, session, note)

    def wait(self, session: str, note: Any) -> None:
        """Let one message come."""
        self._tell(self._read(), session, note)

    def _tell(self, message: dict[str, Any], session: str | None, note: Any) -> None:
        if note and message.get("sessionId") == session and "method" in message:
            note(message)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._reading, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


def _above_others(descriptor: int) -> int:
    """The same file under a number that is not one of the protocol's."""
    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return higher


@contextmanager
def browsing(program: str, profile: Path) -> Iterator[Tab]:
    """A browser with one tab, which ends with the block; `profile` is where it may write."""
    (to_browser, from_us), (to_us, from_browser) = ([_above_others(end) for end in os.pipe()] for _ in range(2))
    command = [sys.executable, "-S", "-c", BEGIN, str(to_browser), str(from_browser), program, *FLAGS]
    command += ["--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        command, pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for descriptor in (to_browser, from_browser):
        os.close(descriptor)
    try:
        pipe = Pipe(to_us, from_us)
        target = pipe.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = pipe.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        yield Tab(pipe, session)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_us)
        os.close(from_us)
