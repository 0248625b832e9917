"""The benchmark of the workspace: how soon the next task is painted after Enter, in a real browser and far away.
Rule: every reply comes late by a relay; skipped with a sentence where no browser can be driven."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import io
import json
import os
import queue
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import machine
from PIL import Image, ImageDraw, ImageFont
from runs import Bench, commanded

CHROMIUM: Final = Path("/usr/bin/chromium")
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
#: How late every reply comes.
DELAY_SECONDS: Final = 0.15
#: What somebody quick takes over a task.
THINK_SECONDS: Final = 0.6
KIB: Final = 1024
SIGNS: Final = "ACDEFHJKLMNPRTUVWXY34679"
#: Times from Enter to the frame after the next task's picture and field are there.
_WATCH: Final = """() => {
  const stage = document.querySelector('[data-id=stage]');
  window.painted = [];
  let pressed = 0;
  window.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') pressed = performance.now();
  }, true);
  new MutationObserver(() => {
    const from = pressed;
    if (!from || !stage.querySelector('img')?.complete) return;
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => window.painted.push(performance.now() - from)));
  }).observe(stage, { attributes: true, childList: true, subtree: true });
}"""
_WEIGHT: Final = """() => performance.getEntriesByType('resource')
  .filter((entry) => /\\.(js|css)$|words$/.test(entry.name))
  .concat(performance.getEntriesByType('navigation'))
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""

#: Weighs what had come when the first task was there.
_FIRST: Final = f"""new MutationObserver((_, observer) => {{
  if (!document.querySelector('[data-id=stage] img')) return;
  observer.disconnect();
  window.weighed = ({_WEIGHT})();
}}).observe(document, {{ childList: true, subtree: true }})"""


def browser(bench: Bench) -> None:
    """Somebody quick answers pictures while every reply comes 150 ms late."""
    if importlib.util.find_spec("playwright") is None or not CHROMIUM.exists():
        bench.tell("skipped", f"playwright or {CHROMIUM} is missing")
        return
    sends = bench.size(60, 5)
    data = bench.folder / "data"
    machine.leave_to_all(os.getpid())
    with commanded(data, "none") as port:
        link = _invited(data)
        for seed in range(sends + 3):
            _create(port, (data / "first.key").read_text().strip(), seed)
        with late(port) as far:
            weight, whole, waits = _work(f"http://127.0.0.1:{far}{link}", sends)
    assert len(waits) == sends, f"{len(waits)} of {sends} tasks were painted"
    waits.sort()
    bench.tell("from Enter to the next task painted, p50", f"{waits[len(waits) // 2]:.0f} ms")
    bench.most("from Enter to the next task painted, p90", waits[len(waits) * 9 // 10], 60, " ms")
    bench.most("the page until its first task is there, not compressed", weight / KIB, 40, " KiB")
    bench.tell("the page with all that comes after it, not compressed", f"{whole / KIB:.1f} KiB")


def _work(link: str, sends: int) -> tuple[int, int, list[float]]:
    """Answer tasks; gives the bytes until the first was there and in all, and the waits in milliseconds."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may be missing

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        with contextlib.closing(chromium):
            page = chromium.new_page()
            page.add_init_script(_FIRST)
            page.goto(link)
            field = page.locator("input.answer")
            field.wait_for()
            page.evaluate(_WATCH)
            time.sleep(DELAY_SECONDS * 10)
            for _ in range(sends):
                page.keyboard.type("W9H5K")
                time.sleep(THINK_SECONDS)
                page.keyboard.press("Enter")
                time.sleep(0.1)
            waits = page.evaluate("() => window.painted")
            return page.evaluate("() => window.weighed"), page.evaluate(_WEIGHT), waits


def _create(port: int, key: str, seed: int) -> None:
    """Ask for the characters of a picture."""
    picture = Image.new("RGB", (180, 60), (246, 244, 238))
    text = "".join(random.Random(seed).choices(SIGNS, k=5))  # noqa: S311 - pictures, not secrets
    ImageDraw.Draw(picture).text((90, 30), text, fill=(38, 44, 58), font=ImageFont.load_default(36), anchor="mm")
    file = io.BytesIO()
    picture.save(file, "PNG")
    task = {"type": "ImageToTextTask", "body": base64.b64encode(file.getvalue()).decode()}
    body = json.dumps({"clientKey": key, "task": task}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/createTask", body, timeout=10) as reply:
        created: dict[str, Any] = json.load(reply)
    assert not created["errorId"], created


def _invited(data: Path) -> str:
    """Take somebody in; gives the path of the link that lets them in."""
    command = [sys.executable, "-m", "answerdesk.cli", "people", "invite", "bench", "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, check=True)
    link: str = json.loads(done.stdout)["link"]
    return "/enter/" + link.rpartition("/")[2]


@contextlib.contextmanager
def late(port: int) -> Iterator[int]:
    """Relay connections to a server, whose bytes come late; gives the relay's port."""
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as lines:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listening.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    for line in (near, far):
                        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        lines.callback(_hang_up, line)
                    threading.Thread(target=_pour, args=(near, far, 0.0), daemon=True).start()
                    threading.Thread(target=_pour, args=(far, near, DELAY_SECONDS), daemon=True).start()

        threading.Thread(target=take, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def _pour(source: socket.socket, drain: socket.socket, delay: float) -> None:
    """Pass bytes on, each piece as late as every other."""
    pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def pass_on() -> None:
        with contextlib.suppress(OSError):
            while (piece := pieces.get())[1]:
                time.sleep(max(0.0, piece[0] - time.monotonic()))
                drain.sendall(piece[1])
        _hang_up(drain)

    threading.Thread(target=pass_on, daemon=True).start()
    piece = b"-"
    while piece:
        try:
            piece = source.recv(65_536)
        except OSError:
            piece = b""
        pieces.put((time.monotonic() + delay, piece))


def _hang_up(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()
