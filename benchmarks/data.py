"""Measures what happens to photos before training: python -m benchmarks.data --data DIR.

`data check` beside a bare Pillow loop that opens, verifies, decodes and resizes every photo on
all cores; its memory by the number of photos; and ImageExampleGen, StatisticsGen and Transform
together beside a bare tf.data pass that decodes and resizes. Each side is a process of its own,
and what a handful of photos takes is its start-up, told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.photos import sized
from benchmarks.process import Measured, run

# So few that what they take is start-up.
_HANDFUL = 20

_INGEST = ("ImageExampleGen", "StatisticsGen", "Transform")


def main(argv: list[str] | None = None) -> None:
    """Runs the comparisons and prints them, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with class folders")
    parser.add_argument("--photos", type=int, default=2000, help="number of them")
    parser.add_argument(
        "--memory", type=int, nargs="*", default=[], help="sizes at which to measure memory"
    )
    parser.add_argument("--no-ingest", action="store_true", help="leave the pipeline out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        few = sized(args.data, _HANDFUL, scratch / "few")
        many = sized(args.data, args.photos, scratch / "many")
        found = {"photos": args.photos, "check": _check(few, many, args.photos, scratch)}
        if not args.no_ingest:
            found["ingest"] = _ingest(few, many, scratch)
        for size in args.memory:
            photos = sized(args.data, size, scratch / f"memory-{size}")
            check = _checked(photos, scratch / f"cache-{size}")
            found.setdefault("memory", {})[size] = {
                "peak_gb": check.peak_gb,
                "seconds": check.seconds,
            }
    if args.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(found)


def _check(few: Path, many: Path, photos: int, scratch: Path) -> dict[str, Any]:
    start = _checked(few, scratch / "cache-few").seconds
    cold = _checked(many, scratch / "cache").seconds - start
    again = _checked(many, scratch / "cache").seconds - start
    loop = run([sys.executable, "-m", "benchmarks.bare_loops", "pillow", str(many)])
    return {
        "start_up_seconds": start,
        "photos_per_second": photos / cold,
        "photos_per_second_of_bare_pillow": photos / loop.result["seconds"],
        "ratios": {
            "data check / bare Pillow loop, photos per second": loop.result["seconds"] / cold,
            "unchanged photos again / first time": again / cold,
        },
    }


def _checked(photos: Path, cache: Path) -> Measured:
    command = [str(Path(sys.executable).with_name("warmstart")), "data", "check", "--json"]
    # The copies that a data set was blown up with would all go into one split.
    command += ["--set", "split.strategy=stratified"]
    return run([*command, str(photos)], {"XDG_CACHE_HOME": str(cache)})


def _ingest(few: Path, many: Path, scratch: Path) -> dict[str, Any]:
    start = _ingested(few, scratch / "few-output", scratch / "ingest-cache")
    whole = _ingested(many, scratch / "output", scratch / "ingest-cache")
    loop = run([sys.executable, "-m", "benchmarks.bare_loops", "tf.data", str(many)])
    bare = loop.result["seconds"]
    return {
        "start_up_seconds": start,
        "seconds": whole,
        "seconds_of_bare_tf_data": bare,
        "ratios": {
            f"{', '.join(_INGEST)} / bare tf.data pass": (
                (sum(whole.values()) - sum(start.values())) / bare
            )
        },
    }


def _ingested(photos: Path, output: Path, cache: Path) -> dict[str, float]:
    ingest = [sys.executable, "-m", "benchmarks.ingest", str(photos), str(output)]
    seconds: dict[str, float] = run(ingest, {"XDG_CACHE_HOME": str(cache)}).result
    return {name: seconds[name] for name in _INGEST}


def _print(found: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{found['photos']} photos")
    for part in ("check", "ingest"):
        for name, ratio in found.get(part, {}).get("ratios", {}).items():
            console.print(f"  {name}: {ratio:.2f}")
    for size, measured in found.get("memory", {}).items():
        console.print(f"  peak memory of data check at {size} photos: {measured['peak_gb']:.2f} GB")


if __name__ == "__main__":
    main()
