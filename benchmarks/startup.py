"""Measures what is waited for before any work: python -m benchmarks.startup --data DIR.

A first run, then in turns: help, a mistake in the configuration, the list of runs, a plan, a run
that reuses everything; each beside `from tfx import v1`, in processes of their own. Then a cold run
of a handful of photos with one epoch, and its work alone, see `benchmarks.bare_stages`: what is
between them is overhead.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import process
from benchmarks.photos import sized

_WARMSTART = str(Path(sys.executable).with_name("warmstart"))
_BASE = "from tfx import v1"
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
        _BASE: [sys.executable, "-c", _BASE],
        "--help": [_WARMSTART, "--help"],
        _MISTAKE: [_WARMSTART, "pipeline", "run", "--set", "a=1", *places],
        "runs list": [_WARMSTART, "runs", "list", "--output", str(output)],
        "pipeline plan": [_WARMSTART, "pipeline", "plan", *places],
        "a run that reuses everything": [_WARMSTART, "pipeline", "run", *places],
    }
    _taken([_WARMSTART, "pipeline", "run", *places])
    cold, bare = "a cold run of few photos", "its work alone"
    taken: dict[str, list[_Taken]] = {name: [] for name in (*commands, cold, bare)}
    for number in range(rounds):
        for name, command in commands.items():
            taken[name].append(_taken(command, expected=2 if name == _MISTAKE else 0))
        place = str(folder / f"cold-{number}")
        run = [_WARMSTART, "pipeline", "run", "--data", few, "--output", place, *settings]
        taken[cold].append(_taken(run))
        stages = process.run([sys.executable, "-m", "benchmarks.bare_stages", place]).result
        taken[bare].append(_Taken(*(sum(stages[kind].values()) for kind in ("wall", "processor"))))
    taken["overhead of the cold run"] = [
        _Taken(all_.wall - work.wall, all_.processor - work.processor)
        for all_, work in zip(taken[cold], taken[bare], strict=True)
    ]
    return {
        "photos": size,
        **{kind: _compared(taken, kind) for kind in ("wall", "processor")},
    }


@dataclass(frozen=True)
class _Taken:
    """Seconds of a process; those of the processor are also its children's."""

    wall: float
    processor: float


def _taken(command: list[str], expected: int = 0) -> _Taken:
    """Runs a command.

    Raises:
        SystemExit: if its exit status is another one than expected.
    """
    wall, before = time.perf_counter(), os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    wall, after = time.perf_counter() - wall, os.times()
    if done.returncode != expected:
        raise SystemExit(f"{' '.join(command[:4])} … failed:\n{done.stderr[-2000:]}")
    return _Taken(
        wall,
        sum((after.children_user, after.children_system))
        - sum((before.children_user, before.children_system)),
    )


def _compared(taken: dict[str, list[_Taken]], kind: str) -> dict[str, dict[str, float]]:
    seconds = {name: [getattr(one, kind) for one in many] for name, many in taken.items()}
    return {
        name: {
            "seconds": statistics.median(many),
            "ratio": statistics.median(
                one / base for one, base in zip(many, seconds[_BASE], strict=True)
            ),
        }
        for name, many in seconds.items()
    }


def _print(found: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{found['photos']} photos; median; each beside `{_BASE}`")
    console.print(f"  {'':<32} {'wall time':>17}  {'of the processor':>17}")
    for name, wall in found["wall"].items():
        both = (wall, found["processor"][name])
        console.print(
            f"  {name:<32}" + "".join(f" {x['seconds']:8.2f} s {x['ratio']:6.2f} " for x in both)
        )


if __name__ == "__main__":
    main()
