"""Reviews a hostile output folder in a process of its own, and keeps what Python opened meanwhile.

Audit hooks of Python cannot be removed, so this is a process and no function.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostile_store import HostileStore, make_hostile_store
from page_client import Answer, PageClient, crawl

from decoding import process

# Each as Python names it, with the path as the first argument.
_OPENING = {"open", "os.listdir", "os.scandir", "sqlite3.connect"}

# What would change something, or reach beyond this process.
_REACHING = {
    *("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind", "urllib.Request"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "webbrowser.open"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.link"),
    *("os.symlink", "shutil.rmtree", "shutil.copyfile"),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Opened:
    """What was opened.

    Attributes:
        event: as Python calls it.
        place: path, or name below a folder that is open.
        is_bare: whether it is a name, opened so that no link is followed.
    """

    event: str
    place: str
    is_bare: bool


@dataclass(frozen=True)
class Audit:
    """What became of a crawl.

    Attributes:
        store: that was reviewed.
        answers: by the address.
        opened: in their order.
        reached: what would change something, or reach beyond the process.
        before: digest of each file in the folder before the crawl.
        after: the same after it.
    """

    store: HostileStore
    answers: dict[str, Answer]
    opened: list[Opened]
    reached: list[str]
    before: dict[str, str]
    after: dict[str, str]


def audited_crawl(folder: Path) -> Audit:
    """Makes a hostile store in a new folder, and crawls its page in a process of its own."""
    result = folder / "audit.pickle"
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, __file__, folder, result],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = pickle.loads(result.read_bytes())  # noqa: S301 (our own)
    assert isinstance(found, Audit)
    return found


def main(folder: Path, result: Path) -> None:
    """Crawls, and writes what came of it."""
    store = make_hostile_store(folder)
    before = _contents(store.output.root)
    page = PageClient(store.output)
    opened: list[Opened] = []
    reached: list[str] = []
    audits = False

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not audits:
            return
        if event in _OPENING:
            flags = int(args[2] or 0) if event == "open" else 0
            place = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else str(args[0])
            # What is opened already, such as a pipe, is only wrapped.
            if place == os.devnull or isinstance(args[0], int):
                return
            bare = os.sep not in place and place != ".." and bool(flags & os.O_NOFOLLOW)
            opened.append(Opened(event, place, bare))
            if flags & _WRITING:
                reached.append(f"{event} {args!r:.200}")
        elif event == "subprocess.Popen" and process.__file__ in map(str, args[1]):
            pass  # Decodes WebP and TIFF, with limits and without the environment.
        elif event in _REACHING:
            reached.append(f"{event} {args!r:.200}")

    sys.addaudithook(hook)
    audits = True
    first, *others = store.runs.values()
    chosen = "&".join(f"run={number}" for number in (first, *others[:4]))
    answers = crawl(page, f"/compare?{chosen}")
    audits = False
    after = _contents(store.output.root)
    result.write_bytes(pickle.dumps(Audit(store, answers, opened, reached, before, after)))


def _contents(root: Path) -> dict[str, str]:
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        if file.is_file() and not file.is_symlink()
        else str(file.lstat().st_mode)
        for file in sorted(root.rglob("*"))
    }


if __name__ == "__main__":
    # By the name under which who reads the result imports it.
    from audited_crawl import main as run_main

    run_main(Path(sys.argv[1]), Path(sys.argv[2]))
