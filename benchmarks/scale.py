"""Measures how a run grows: python -m benchmarks.scale --data DIR --photos 1000 3000.

A cold run at each size, then one with 1 % more photos. Of each component: seconds, photos a second,
and the most memory that the process had. The photos beyond those of DIR are changed ones (crop,
brightness, recompression); so that they count as different pictures, only equal files are copies.
Epochs are few: what is looked at is the line from file to model, not training.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.photos import changed, sized
from benchmarks.process import component_gb, peak_gb, run

_WARMSTART = str(Path(sys.executable).with_name("warmstart"))
_SETTINGS = (
    *("data.duplicates=exact", "embed.views=1", "frozen.epochs=2", "fine_tune.epochs=1"),
    *("evaluate.thresholds.accuracy.min=null", "evaluate.thresholds.slices.min=null"),
)
_RESOLVERS = {"latest_statistics", "latest_blessed_model"}

# What looks at every photo, up to what Trainer begins with.
_UP_TO_EMBEDDER = ("ImageExampleGen", "StatisticsGen", "Transform", "Embedder")


@dataclass(frozen=True)
class Grown:
    """A run at one size.

    Attributes:
        photos: how many.
        seconds: of the whole process.
        peak_gb: of its memory.
        disk_gb: of all artifacts.
        components: seconds of each.
        memory_gb: the most that the process had while each of them ran.
        more_seconds: of ImageExampleGen to Embedder with 1 % more photos, as a share of the cold
            run's.
    """

    photos: int
    seconds: float
    peak_gb: float
    disk_gb: float
    components: dict[str, float]
    memory_gb: dict[str, float]
    more_seconds: float


def main(argv: list[str] | None = None) -> None:
    """Runs the sizes and prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with class folders")
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 3000], help="sizes")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = [_grown(Path(folder) / str(size), args.data, size) for size in args.photos]
    if args.json:
        sys.stdout.write(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    else:
        _print(found)


def _grown(folder: Path, data: Path, size: int) -> Grown:
    photos = sized(data, size, folder / "photos")
    output = folder / "output"
    command = [_WARMSTART, "pipeline", "run", "--json", "--data", str(photos)]
    command += ["--output", str(output)]
    command += [part for setting in _SETTINGS for part in ("--set", setting)]
    cold = run(command)
    disk = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    originals = sorted(photos.glob("*/*"))
    for number in range(math.ceil(size / 100)):
        original = originals[number * len(originals) // math.ceil(size / 100)]
        added = original.with_name(f"added-{number}.jpg")
        added.write_bytes(changed(original, seed=size + number))
    more = run(command)
    return Grown(
        photos=size,
        seconds=cold.seconds,
        peak_gb=peak_gb(cold),
        disk_gb=disk / 1e9,
        components=_seconds(cold.result),
        memory_gb={one["id"]: component_gb(one) for one in cold.result["components"]},
        more_seconds=_up_to_embedder(more.result) / _up_to_embedder(cold.result),
    )


def _seconds(outcome: dict[str, Any]) -> dict[str, float]:
    return {
        one["id"]: one["seconds"] for one in outcome["components"] if one["id"] not in _RESOLVERS
    }


def _up_to_embedder(outcome: dict[str, Any]) -> float:
    seconds = _seconds(outcome)
    return sum(seconds[name] for name in _UP_TO_EMBEDDER)


def _print(found: list[Grown]) -> None:
    console = Console(width=120)
    table = Table(title="Seconds of each component, and what each further photo costs")
    table.add_column("component")
    for one in found:
        table.add_column(f"{one.photos:,}", justify="right")
    table.add_column("ms a photo", justify="right")
    table.add_column("most memory, GB", justify="right")
    for name in found[0].components:
        table.add_row(
            name,
            *(f"{one.components[name]:.1f}" for one in found),
            _each_further(found, [one.components[name] for one in found]),
            " ".join(f"{one.memory_gb[name]:.2f}" for one in found),
        )
    wholes = [one.seconds for one in found]
    table.add_row("all", *(f"{s:.1f}" for s in wholes), _each_further(found, wholes), "")
    console.print(table)
    for one in found:
        console.print(
            f"{one.photos:,} photos: {1000 * one.seconds / one.photos:.1f} ms each, "
            f"{one.peak_gb:.2f} GB of memory, {one.disk_gb:.2f} GB of disk; 1 % more photos cost "
            f"ImageExampleGen to Embedder {one.more_seconds:.2f} of the cold run"
        )


def _each_further(found: list[Grown], seconds: list[float]) -> str:
    """Returns milliseconds between the smallest and the largest size: start-up is left out."""
    if len(found) < 2:
        return "-"
    photos = found[-1].photos - found[0].photos
    return f"{1000 * (seconds[-1] - seconds[0]) / photos:.1f}"


if __name__ == "__main__":
    main()
