"""Keeps what this version writes, so that the tests of every later one open it.

    make released

A small run on photos of `samples/`, and the same again with everything reused: their store, what
is light of their artifacts and the pushed model go into `tests/released/VERSION/`, with what the
model answered. What was released is never made again: a folder that is there is left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path

import samples

ROOT = Path(__file__).parents[1]

# ML Metadata records absolute paths: everything lies, and is run from, here.
_PLACE = Path("/tmp/warmstart-released")  # noqa: S108 (a place that no one's name is in)
_CHECKOUT, _PHOTOS, _OUTPUT, _WEIGHTS = (
    _PLACE / name for name in ("warmstart", "photos", "output", "random.weights.h5")
)

_PHOTOS_PER_CLASS = 8
_BACKBONE, _IMAGE_SIZE = "MobileNetV3Small", 64  # The smallest of keras.applications.
_SETTINGS = (
    *(f"backbone.name={_BACKBONE}", f"backbone.weights={_WEIGHTS}", f"image.size={_IMAGE_SIZE}"),
    *("head.units=8", "embed.views=1", "frozen.epochs=30", "frozen.learning_rate=0.01"),
    *("fine_tune.epochs=1", "fine_tune.from=0.97", "split.eval_fraction=0.3"),
    *("evaluate.thresholds.accuracy.min=0.0", "evaluate.thresholds.slices.min=null"),
)

# Random numbers do not get smaller in an archive, unless most of them are zero.
_SHARE_OF_WEIGHTS = 0.25
# Twice the variance of each layer's inputs is what ReLU asks for, and this network a little more,
# for features that differ by 0.4 between photos.
_GAIN = 2.4

_LEFT_OUT = ("events.out.tfevents.*", "metadata-backup.sqlite")
# There twice, or made again from the photos.
_LEFT_OUT_FOLDERS = (
    *("Embedder", "Pusher", "Trainer/model", "Trainer/model_run/*/serving_reference"),
    "Transform/transformed_examples",
)


def main() -> int:
    """Makes the folder of this version; returns the exit code."""
    target = ROOT / "tests" / "released" / version("warmstart")
    if target.exists():
        sys.stderr.write(f"{target} is there already, and what was released never changes.\n")
        return 1
    shutil.rmtree(_PLACE, ignore_errors=True)
    _PLACE.mkdir()
    _CHECKOUT.symlink_to(ROOT)
    photos = list(_copied_photos())
    _write_weights()
    for _ in range(2):
        _warmstart("pipeline", "run", "--data", _PHOTOS, "--output", _OUTPUT, *_set())
    asked = photos[::_PHOTOS_PER_CLASS][:3]
    places = [samples.PHOTOS_FOLDER / name for name in asked]
    answers = json.loads(_warmstart("predict", _OUTPUT / "models", *places, "--json"))
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    _pack(partial / "output.tar.xz")
    _write_answers(partial / "answers.json", dict(zip(asked, answers, strict=True)))
    _write_readme(partial / "README.md", partial / "output.tar.xz")
    os.replace(partial, target)
    shutil.rmtree(_PLACE)
    return 0


def _copied_photos() -> Iterator[str]:
    """Copies photos, and yields their names; one more is cut off, so that it is set aside."""
    for folder in sorted(filter(Path.is_dir, samples.PHOTOS_FOLDER.iterdir())):
        (_PHOTOS / folder.name).mkdir(parents=True)
        for photo in sorted(folder.glob("*.jpg"))[:_PHOTOS_PER_CLASS]:
            shutil.copy(photo, _PHOTOS / folder.name)
            yield f"{folder.name}/{photo.name}"
    whole = photo.read_bytes()
    (_PHOTOS / folder.name / "cut off.jpg").write_bytes(whole[: len(whole) // 2])


def _write_weights() -> None:
    """Draws weights that are no one's: -1, 0 or 1, times what keeps the variance over layers."""
    import keras  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    backbone = keras.applications.MobileNetV3Small(
        include_top=False, pooling="avg", weights=None, input_shape=(_IMAGE_SIZE, _IMAGE_SIZE, 3)
    )
    draw = np.random.default_rng(0)
    weights = backbone.get_weights()
    for index, kernel in enumerate(weights):
        if kernel.ndim > 1:
            channels = kernel.shape[2] if kernel.shape[-1] == 1 else kernel.shape[-1]
            inputs = kernel.size / channels
            one = np.sqrt(_GAIN / (inputs * _SHARE_OF_WEIGHTS))
            chance = (_SHARE_OF_WEIGHTS / 2, 1 - _SHARE_OF_WEIGHTS, _SHARE_OF_WEIGHTS / 2)
            weights[index] = draw.choice((-one, 0.0, one), kernel.shape, p=chance)
    backbone.set_weights(weights)
    backbone.save_weights(_WEIGHTS)


def _set() -> Iterator[str]:
    for setting in _SETTINGS:
        yield f"--set={setting}"


def _warmstart(*arguments: str | Path) -> str:
    """Runs a command where no path names this machine; returns what it printed."""
    start = "from cli.main import main; main()"
    environment = {
        "HOME": str(_PLACE),
        "PATH": f"{_CHECKOUT / '.venv/bin'}:/usr/bin:/bin",
        "PYTHONPATH": str(_CHECKOUT),
    }
    return subprocess.run(
        [_CHECKOUT / ".venv/bin/python", "-c", start, *map(str, arguments)],
        cwd=_CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def _pack(archive: Path) -> None:
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for file in sorted(filter(Path.is_file, _OUTPUT.rglob("*"))):
            if _is_kept(file):
                _check_names_nothing(file)
                entry = packed.gettarinfo(file, file.relative_to(_PLACE).as_posix())
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                with file.open("rb") as content:
                    packed.addfile(entry, content)


def _is_kept(file: Path) -> bool:
    if file.name.startswith(".") or any(map(file.match, _LEFT_OUT)):
        return False
    place = file.relative_to(_OUTPUT).as_posix()
    return not any(fnmatch(place, f"artifacts/{folder}/*") for folder in _LEFT_OUT_FOLDERS)


def _check_names_nothing(file: Path) -> None:
    """Checks that a file does not tell where, or on which machine, it was made."""
    content = file.read_bytes()
    for private in (str(ROOT.resolve()), str(Path.home()), socket.gethostname(), sys.base_prefix):
        if len(private) > 5 and private.encode() in content:
            raise SystemExit(f"{file} holds {private!r}; leave it out of the archive.")


def _write_answers(file: Path, answers: dict[str, dict[str, object]]) -> None:
    kept = {
        name: {
            "sha256": hashlib.sha256((samples.PHOTOS_FOLDER / name).read_bytes()).hexdigest(),
            "label": answer["label"],
            "probabilities": answer["probabilities"],
        }
        for name, answer in answers.items()
    }
    file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def _write_readme(file: Path, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    settings = "\n".join(f"    {setting}" for setting in _SETTINGS)
    file.write_text(
        f"""\
# What warmstart {version("warmstart")} wrote

`output.tar.xz` is the output folder of two runs of `warmstart pipeline run`: one on the first
{_PHOTOS_PER_CLASS} photos of each class of `samples/photos` and one that is cut off, and the same
again, with everything reused. `answers.json` has what the pushed model answered to three of these
photos. Made by `make released`, and never changed since. Left out is what is large, or names the
machine: the model before it was pushed, embeddings, transformed examples, files of TensorBoard.

- SHA-256 of `output.tar.xz`: `{digest}`
- Photos in it: those of `samples/photos`, under the GNU General Public License, version 2 or later;
  see `samples/README.md`.
- Weights in it: random (`scripts/keep_release.py`), then trained on these photos; no one else's.

It was run with

{settings}
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
