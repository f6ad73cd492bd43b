"""Measures what is waited for before any work: python -m benchmarks.startup --data DIR.

A first run, then in turns: help, a mistake in the configuration, the list of runs, a plan, a run
that reuses everything; each beside `from tfx import v1`, in processes of their own. The overhead of
a cold run is what it takes with a handful of photos and one epoch: nearly all of that is start-up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.photos import sized

_WARMSTART = str(Path(sys.executable).with_name("warmstart"))
_MISTAKE = "a mistake in the configuration"
_FEW = 24
_SHORT = ("frozen.epochs=1", "fine_tune.epochs=0", "embed.views=0", "split.eval_fraction=0.4")


def main(argv: list[str] | None = None) -> None:
    """Runs the comparison and prints it, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with class folders")
    parser.add_argument("--photos", type=int, default=400, help="number of them")
    parser.add_argument("--rounds", type=int, default=3, help="of each, in turns")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        found = _measured(Path(name), args.data, args.photos, args.rounds)
    if args.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(found)


def _measured(folder: Path, data: Path, size: int, rounds: int) -> dict[str, Any]:
    output = folder / "output"
    places = [
        *("--data", str(sized(data, size, folder / "photos"))),
        *("--output", str(output), "--set", "frozen.epochs=1", "--set", "fine_tune.epochs=0"),
    ]
    few = str(sized(data, _FEW, folder / "few"))
    settings = [part for key in _SHORT for part in ("--set", key)]
    commands = {
        "from tfx import v1": [sys.executable, "-c", "from tfx import v1"],
        "--help": [_WARMSTART, "--help"],
        _MISTAKE: [_WARMSTART, "pipeline", "run", "--set", "a=1", *places],
        "runs list": [_WARMSTART, "runs", "list", "--output", str(output)],
        "pipeline plan": [_WARMSTART, "pipeline", "plan", *places],
        "a run that reuses everything": [_WARMSTART, "pipeline", "run", *places],
    }
    _seconds([_WARMSTART, "pipeline", "run", *places])
    taken: dict[str, list[float]] = {name: [] for name in (*commands, "a cold run of few photos")}
    for number in range(rounds):
        for name, command in commands.items():
            taken[name].append(_seconds(command, expected=2 if name == _MISTAKE else 0))
        cold = ["--data", few, "--output", str(folder / f"cold-{number}"), *settings]
        taken["a cold run of few photos"].append(_seconds([_WARMSTART, "pipeline", "run", *cold]))
    base = taken["from tfx import v1"]
    return {
        "photos": size,
        "seconds": {name: statistics.median(many) for name, many in taken.items()},
        "ratios": {
            name: statistics.median(a / b for a, b in zip(many, base, strict=True))
            for name, many in taken.items()
        },
    }


def _seconds(command: list[str], expected: int = 0) -> float:
    """Runs a command.

    Raises:
        SystemExit: if its exit status is another one than expected.
    """
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - started
    if done.returncode != expected:
        raise SystemExit(f"{' '.join(command[:4])} … failed:\n{done.stderr[-2000:]}")
    return seconds


def _print(found: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{found['photos']} photos; median; each beside `from tfx import v1`")
    for name, ratio in found["ratios"].items():
        console.print(f"  {name:<32} {found['seconds'][name]:6.2f} s  {ratio:6.2f}")


if __name__ == "__main__":
    main()
