"""Compares warmstart's pipeline with plain Keras: python -m benchmarks.training --data DIR.

Both run as processes of their own, one after the other, on the same photos and weights. A share
of the photos is held out from both. Sizes beyond the data set are made by changing real photos
(crop, brightness, recompression), so that no two files are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.photos import changed, sized
from benchmarks.process import Measured, run

_HELD_OUT_SHARE = 0.25
_ADDED = 10


def main(argv: list[str] | None = None) -> None:
    """Runs the comparison and prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with class folders")
    parser.add_argument(
        "--photos", type=int, nargs="+", default=[], help="sizes to measure; default: all photos"
    )
    parser.add_argument("--epochs", type=int, default=10, help="in each stage")
    parser.add_argument(
        "--growth", action="store_true", help="measure cold runs of warmstart alone, by size"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        train, held_out = _held_out(args.data, Path(scratch))
        sizes = args.photos or [_count(train)]
        measure = _grown if args.growth else _compare
        rows = [
            measure(train, held_out, size, args.epochs, Path(scratch, str(size))) for size in sizes
        ]
    if args.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        _print(rows)


def _grown(photos: Path, held_out: Path, size: int, epochs: int, scratch: Path) -> dict[str, Any]:
    """A cold run; later sizes are to be divided by the first."""
    data = sized(photos, size, scratch / "photos")
    cold = _pipeline(data, scratch / "output", epochs)
    return {"photos": size, "warmstart": _ours(cold, scratch / "output", held_out)}


def _compare(photos: Path, held_out: Path, size: int, epochs: int, scratch: Path) -> dict[str, Any]:
    """The plain script, then a cold, a cached, a changed and a grown run."""
    data = sized(photos, size, scratch / "photos")
    script = [sys.executable, "-m", "benchmarks.plain_keras", str(data), str(held_out)]
    plain = run([*script, f"--epochs={epochs}"])
    output = scratch / "output"
    cold = _pipeline(data, output, epochs)
    ours = _ours(cold, output, held_out)
    cached = _pipeline(data, output, epochs)
    rate = _pipeline(data, output, epochs, "--set=frozen.learning_rate=0.0002")
    _add_photos(photos, data)
    added = _pipeline(data, output, epochs)
    embedder = ours["components"]["Embedder"]
    fine_tuned = ours["fine_tune_epochs_seconds"]
    plain_epoch = plain.result["fine_tune_seconds"] / epochs
    return {
        "photos": size,
        "plain": {**plain.result, "seconds": plain.seconds, "peak_gb": plain.peak_gb},
        "warmstart": ours,
        "ratios": {
            "cold run / plain script": cold.seconds / plain.seconds,
            "frozen stage with its embeddings / plain frozen stage": (
                embedder + sum(ours["frozen_epochs_seconds"])
            )
            / plain.result["frozen_seconds"],
            "fine-tune epoch / plain fine-tune epoch": sum(fine_tuned)
            / len(fine_tuned)
            / plain_epoch,
            "other learning rate / cold run": rate.seconds / cold.seconds,
            "cached run / cold run": cached.seconds / cold.seconds,
            "Evaluator and ReportGen / cold run": (
                ours["components"]["Evaluator"] + ours["components"]["ReportGen"]
            )
            / cold.seconds,
            f"embedder after {_ADDED} photos / cold embedder": _component_seconds(added, "Embedder")
            / embedder,
        },
    }


def _ours(cold: Measured, output: Path, held_out: Path) -> dict[str, Any]:
    return {
        "seconds": cold.seconds,
        "peak_gb": cold.peak_gb,
        "accuracy": _accuracy(output / "models", held_out),
        "frozen_epochs_seconds": _epoch_seconds(output, cold, "frozen"),
        "fine_tune_epochs_seconds": _epoch_seconds(output, cold, "fine-tuned"),
        "components": {c["id"]: c["seconds"] for c in cold.result["components"]},
    }


def _pipeline(data: Path, output: Path, epochs: int, *options: str) -> Measured:
    command = [str(Path(sys.executable).with_name("warmstart")), "pipeline", "run", "--json"]
    stages = [f"--set=frozen.epochs={epochs}", f"--set=fine_tune.epochs={epochs}"]
    return run([*command, f"--data={data}", f"--output={output}", *stages, *options])


def _accuracy(model: Path, held_out: Path) -> float:
    photos = sorted(held_out.glob("*/*"))
    command = [str(Path(sys.executable).with_name("warmstart")), "predict", "--json", str(model)]
    predictions = run([*command, *map(str, photos)]).result
    right: int = sum(Path(p["path"]).parent.name == p["label"] for p in predictions)
    return right / len(photos)


def _component_seconds(run: Measured, component: str) -> float:
    return float(next(c["seconds"] for c in run.result["components"] if c["id"] == component))


def _epoch_seconds(output: Path, run: Measured, stage: str) -> list[float]:
    """Reads from a run's log how long each epoch of a stage took."""
    log = (output / "runs" / run.result["run_id"] / "log.txt").read_text(encoding="utf-8")
    pattern = rf"{stage} \d+/\d+: .* \((\d+\.\d+) s\)$"
    return [float(seconds) for seconds in re.findall(pattern, log, re.MULTILINE)]


def _held_out(data: Path, scratch: Path) -> tuple[Path, Path]:
    """Divides the photos, by a hash of their content, into those used and those held out."""
    for photo in sorted(data.glob("*/*")):
        digest = hashlib.sha256(photo.read_bytes()).digest()
        folder = "held-out" if digest[0] / 256 < _HELD_OUT_SHARE else "all"
        target = scratch / folder / photo.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, target)
    return scratch / "all", scratch / "held-out"


def _count(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*/*"))


def _add_photos(photos: Path, data: Path) -> None:
    for number, original in enumerate(sorted(photos.glob("*/*"))[:_ADDED]):
        added = data / original.parent.name / f"added-{number}.jpg"
        added.write_bytes(changed(original, seed=-1 - number))


def _print(rows: list[dict[str, Any]]) -> None:
    console = Console()
    for row in rows:
        table = Table(title=f"{row['photos']} photos", title_justify="left")
        table.add_column("")
        sides = [side for side in ("plain", "warmstart") if side in row]
        for side in sides:
            table.add_column({"plain": "plain Keras"}.get(side, side), justify="right")
        for title, key, digits in (
            ("wall seconds", "seconds", 0),
            ("held-out accuracy", "accuracy", 3),
            ("peak memory, GB", "peak_gb", 1),
        ):
            table.add_row(title, *(f"{row[side][key]:.{digits}f}" for side in sides))
        console.print(table)
        for name, ratio in row.get("ratios", {}).items():
            console.print(f"  {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
