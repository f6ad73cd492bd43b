"""Compares warmstart's pipeline with two other ways: python -m benchmarks.training --data DIR.

The others are a plain Keras script as in a tutorial, and TFX's own way with stock components. Each
runs as a process of its own, one after the other, on the same photos and weights. A share of the
photos is held out from all. Sizes beyond the data set are made by changing real photos (crop,
brightness, recompression), so that no two files are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks.machine import this_machine
from benchmarks.photos import changed, sized
from benchmarks.sides import (
    FINE_TUNE_EPOCHS,
    FROZEN_EPOCHS,
    Took,
    Warmstart,
    plain_keras,
    tfx_stock,
)
from benchmarks.training_table import (
    COLD,
    OTHER_RATE,
    PLAIN,
    TFX,
    UNCHANGED,
    Round,
    Size,
    ratio_lines,
    table,
)

_HELD_OUT_SHARE = 0.25
_ADDED = 10
_OTHER_RATE = "frozen.learning_rate=0.0002"

# As `--against` names them.
_OTHERS = {"plain": PLAIN, "tfx": TFX}


def main(argv: list[str] | None = None) -> None:
    """Runs the comparison and prints a table with the machine above it, or JSON."""
    args = parsed(argv)
    with tempfile.TemporaryDirectory() as scratch:
        found = compared(
            args.data,
            Path(scratch),
            photos=args.photos,
            against=args.against,
            epochs=args.epochs,
            rounds=args.rounds,
            lean=args.lean,
        )
    machine = this_machine()
    if args.json:
        result = {"machine": asdict(machine), "sizes": [asdict(size) for size in found]}
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
        return
    console = Console(width=120)
    console.print(str(machine))
    console.print(table(found))
    for size in found:
        console.print(f"{size.photos:,} photos")
        for line in ratio_lines(size):
            console.print(f"  {line}")


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Reads the arguments; by default those of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with class folders")
    parser.add_argument(
        "--photos", type=int, nargs="+", default=[], help="sizes to measure; default: all photos"
    )
    parser.add_argument(
        "--against",
        choices=list(_OTHERS),
        nargs="*",
        default=list(_OTHERS),
        help="the other ways to compare with; nothing: warmstart alone; default: both",
    )
    parser.add_argument("--epochs", type=int, default=10, help="in each stage")
    parser.add_argument("--rounds", type=int, default=1, help="of all; medians are shown")
    parser.add_argument(
        "--lean", action="store_true", help="TFX's own way without Transform's statistics"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args(argv)


def compared(
    data: Path,
    scratch: Path,
    *,
    photos: Sequence[int] = (),
    against: Collection[str] = tuple(_OTHERS),
    epochs: int = 10,
    rounds: int = 1,
    lean: bool = False,
) -> list[Size]:
    """Measures every side at every size.

    Args:
        data: folder with class folders.
        scratch: folder for all that is made; what each round made is in `SIZE/round-NUMBER`.
        photos: sizes; none: all photos that are not held out.
        against: `plain`, `tfx`, both or none.
        epochs: in each stage.
        rounds: of all sides.
        lean: TFX's own way is without the statistics that Transform computes by default.
    """
    ours, held_out = _held_out(data, scratch)
    sizes = []
    for size in photos or [_count(ours)]:
        made = sized(ours, size, scratch / str(size) / "photos")
        measured = []
        for number in range(rounds):
            folder = scratch / str(size) / f"round-{number}"
            # What is known of files is known by their place: in another one, nothing.
            copied = shutil.copytree(made, folder / "photos")
            others: dict[str, Took] = {}
            if "plain" in against:
                others[PLAIN] = plain_keras(copied, held_out, epochs=epochs)
            if "tfx" in against:
                output = folder / "tfx"
                others[TFX] = tfx_stock(copied, held_out, output, epochs=epochs, lean=lean)
            line = Warmstart(copied, held_out, folder / "warmstart", epochs)
            measured.append(_round(others, line, ours))
        sizes.append(Size(size, _count(held_out), measured))
    return sizes


def _round(others: Mapping[str, Took], line: Warmstart, photos: Path) -> Round:
    """A cold, an unchanged and a changed run, and one with more photos, beside the others."""
    cold, unchanged, rate = line.run(), line.run(), line.run(_OTHER_RATE)
    _add_photos(photos, line.data)
    added = line.run()
    ratios = {f"cold run / {name}": cold.seconds / other.seconds for name, other in others.items()}
    if PLAIN in others:
        ratios |= _beside_plain(cold.parts, others[PLAIN].parts)
    if TFX in others:
        learning = cold.parts["Embedder"] + cold.parts["Trainer"]
        ratios["Embedder and Trainer / stock Trainer"] = learning / others[TFX].parts["Trainer"]
    ratios |= {
        "other learning rate / cold run": rate.seconds / cold.seconds,
        "unchanged run / cold run": unchanged.seconds / cold.seconds,
        "Evaluator and ReportGen / cold run": (
            (cold.parts["Evaluator"] + cold.parts["ReportGen"]) / cold.seconds
        ),
        f"Embedder after {_ADDED} photos / cold Embedder": (
            added.parts["Embedder"] / cold.parts["Embedder"]
        ),
    }
    return Round({**others, COLD: cold, UNCHANGED: unchanged, OTHER_RATE: rate}, ratios)


def _beside_plain(ours: Mapping[str, float], plain: Mapping[str, float]) -> dict[str, float]:
    frozen = ours["Embedder"] + ours[FROZEN_EPOCHS]
    return {
        "frozen epochs with their embeddings / plain frozen epochs": frozen / plain[FROZEN_EPOCHS],
        "fine-tune epochs / plain fine-tune epochs": (
            ours[FINE_TUNE_EPOCHS] / plain[FINE_TUNE_EPOCHS]
        ),
    }


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


if __name__ == "__main__":
    main()
