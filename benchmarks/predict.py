"""Measures `warmstart predict`: python -m benchmarks.predict --data DIR --model DIR.

A folder of photos through the pushed model into a table, beside a bare loop: tf.data that decodes
and resizes in parallel, and Keras' `model.predict` of the same network. Both sides take turns in
processes of their own; start-up is left out of both. Then one photo from end to end, beside
importing TensorFlow and loading the model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.photos import sized
from benchmarks.process import run
from components.serving.model_folder import version_folder


def main(argv: list[str] | None = None) -> None:
    """Runs the comparison and prints it, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with class folders")
    parser.add_argument("--model", type=Path, required=True, help="a pushed model of MobileNetV2")
    parser.add_argument("--photos", type=int, default=1000, help="number of them")
    parser.add_argument("--rounds", type=int, default=3, help="of each side, in turns")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    model = str(version_folder(args.model).absolute())
    with tempfile.TemporaryDirectory() as name:
        photos = sized(args.data, args.photos, Path(name) / "photos")
        rounds = [_round(model, photos) for _ in range(args.rounds)]
    found = {"photos": args.photos, "rounds": rounds, "ratios": _ratios(rounds)}
    if args.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(found)


def _round(model: str, photos: Path) -> dict[str, float]:
    photo = str(next(photos.glob("*/*")))
    command = str(Path(sys.executable).with_name("warmstart"))
    loop = [sys.executable, "-m", "benchmarks.predict_loops"]
    return {
        "bare": run([*loop, "keras", model, str(photos)]).result["photos_per_second"],
        "predict": run([*loop, "warmstart", model, str(photos)]).result["photos_per_second"],
        "load": run([*loop, "load", model, str(photos)]).seconds,
        "one": run([command, "predict", "--json", model, photo]).seconds,
    }


def _ratios(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Returns the median over the rounds: other work on the machine hits one side of some."""
    return {
        "predict / bare tf.data and Keras, photos per second": statistics.median(
            measured["predict"] / measured["bare"] for measured in rounds
        ),
        "one photo / importing TensorFlow and loading the model": statistics.median(
            measured["one"] / measured["load"] for measured in rounds
        ),
    }


def _print(found: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{found['photos']} photos, median of {len(found['rounds'])} rounds")
    for name, ratio in found["ratios"].items():
        console.print(f"  {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
