"""`warmstart backbones`: lists the backbones there are, and compares some on photos."""

from __future__ import annotations

import difflib
import json
import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.data_survey import surveyed
from cli.errors import Debug, reported
from cli.options import AsJsonList, AsJsonObject, Data
from cli.quiet import quiet_tensorflow
from cli.weights_cache import WeightsCache
from components.backbone.cache import (
    EMBEDDED_BACKBONE,
    EMBEDDED_IMAGE_SIZE,
    cache_folder,
    cached_weights,
)
from components.backbone.registry import BACKBONES
from components.backbone.weights import EMBEDDED, IMAGENET, NONE
from schemas.errors import ConfigError, ModelError, printable

if TYPE_CHECKING:
    from components.probe.domain_gap import DomainGap
    from components.probe.linear_probe import Candidate, Probe, ProbePhotos

_Say = Callable[[str], None]

_HEADER = (
    f"{'backbone':<18} {'weights':<10} {'pixels':>6} {'accuracy':>8}  {'interval':<16} "
    f"{'seconds':>7} {'MB':>7}"
)

# What `compare --json` prints, also when it fails.
_NOTHING_FOUND: dict[str, Any] = {
    "photos": 0,
    "classes": [],
    "folds": 0,
    "notes": [],
    "backbones": [],
    "recommended": None,
    "domain_gap": None,
    "error": None,
}

app = typer.Typer(help="List backbones, or compare them on photos.", no_args_is_help=True)


@app.callback()
def backbones() -> None:
    """List backbones, or compare them on photos."""


@app.command("list")
def list_backbones(
    weights_cache: WeightsCache = None,
    as_json: AsJsonList = False,
) -> None:
    """List every backbone, and whether its pretrained weights are on this machine."""
    folder = weights_cache or cache_folder()
    cached = cached_weights(folder)
    if as_json:
        typer.echo(json.dumps([_listed(name, cached.get(name)) for name in BACKBONES], indent=2))
        return
    typer.echo(f"{'backbone':<18} {'parameters':>10} {'pixels':>6} {'ImageNet':>8}  weights here")
    for name, backbone in BACKBONES.items():
        places = [f"embedded, at {EMBEDDED_IMAGE_SIZE} pixels"] if name == EMBEDDED_BACKBONE else []
        places += [cached[name].name] if name in cached else []
        typer.echo(
            f"{name:<18} {backbone.parameters:>8.1f} M {backbone.image_size:>6} "
            f"{backbone.top1:>6.1f} %  {', '.join(places) or '-'}"
        )
    typer.echo(f"\nThe weight cache, of ImageNet weights that were downloaded, is {folder}.")


@app.command("compare")
def compare(
    data: Data,
    names: Annotated[
        str,
        typer.Option(
            "--backbones",
            metavar="NAME[=WEIGHTS],…",
            help="What to compare, such as MobileNetV2,ResNet50=my.weights.h5.",
        ),
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="WEIGHTS",
            help="embedded, imagenet, none or a file, where NAME has none.",
            show_default="embedded for MobileNetV2, else imagenet",
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Of the cross-validation.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of the folds.")] = 42,
    with_domain_gap: Annotated[
        bool,
        typer.Option(
            "--domain-gap/--no-domain-gap", help="Try the recommended one with random weights too."
        ),
    ] = True,
    weights_cache: WeightsCache = None,
    as_json: AsJsonObject = False,
    debug: Debug = False,
) -> None:
    """Compare backbones on photos: exit 1 if one of them cannot be had, 2 for wrong usage."""
    with reported(debug, on_error=_print_failure if as_json else None):
        chosen = _chosen(names, weights)
        say = _say_nothing if as_json else typer.echo
        found = _compared(data, chosen, folds, seed, with_domain_gap=with_domain_gap, say=say)
        if as_json:
            typer.echo(json.dumps(_NOTHING_FOUND | found, ensure_ascii=False))
        if any(entry["error"] for entry in found["backbones"]):
            raise typer.Exit(1)


def _compared(
    data: str,
    chosen: list[tuple[str, str]],
    wanted_folds: int,
    seed: int,
    *,
    with_domain_gap: bool,
    say: _Say,
) -> dict[str, Any]:
    """Compares, says what is found as soon as it is, and returns it for `--json`."""
    from components.dataset.options import SurveyOptions

    # What can be wrong with the folder is found before scikit-learn is imported.
    found = surveyed(data, SurveyOptions())
    from components.probe.linear_probe import candidate_at_default_size, probe_photos, usable_folds

    photos = probe_photos(found.root, found.photos)
    folds = usable_folds(photos.labels, wanted_folds)
    notes = _notes(photos, len(found.problems), wanted=wanted_folds, usable=folds)
    say("\n".join([_introduction(photos, folds), *notes, "", _HEADER]))
    candidates = [candidate_at_default_size(*choice) for choice in chosen]
    trials = _tried(candidates, photos, folds=folds, seed=seed, say=say)
    pick = _picked(trials, say)
    gap = None
    if pick and with_domain_gap and pick.candidate.weights != NONE:
        gap = _domain_gap(pick, photos, folds=folds, seed=seed)
        say(gap.note)
    return {
        "photos": len(photos.paths),
        "classes": sorted(set(photos.labels)),
        "folds": folds,
        "notes": notes,
        "backbones": [trial.as_json() for trial in trials],
        "recommended": pick and {"name": pick.candidate.name, "weights": pick.candidate.weights},
        "domain_gap": gap and _gap_as_json(gap),
    }


@dataclass(frozen=True)
class _Trial:
    """A candidate, and how it did or what was wrong with it."""

    candidate: Candidate
    probe: Probe | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "name": self.candidate.name,
            "weights": self.candidate.weights,
            "image_size": self.candidate.image_size,
            "error": self.error,
        }
        if self.probe:
            entry |= {
                "accuracy": self.probe.accuracy,
                "interval": list(self.probe.interval),
                "seconds": round(self.probe.seconds, 3),
                "megabytes": round(self.probe.megabytes, 3),
            }
        return entry

    def row(self) -> str:
        start = f"{self.candidate.name:<18} {Path(self.candidate.weights).name:<10}"
        if not self.probe:
            return f"{start} not tried: {self.error}"
        low, high = self.probe.interval
        return (
            f"{start} {self.candidate.image_size:>6} {self.probe.accuracy:>8.1%}  "
            f"{f'{low:.1%} to {high:.1%}':<16} {self.probe.seconds:>7.1f} "
            f"{self.probe.megabytes:>7.1f}"
        )


def _tried(
    candidates: list[Candidate],
    photos: ProbePhotos,
    *,
    folds: int,
    seed: int,
    say: _Say,
) -> list[_Trial]:
    """Tries one after the other, and says how each did as soon as that is known."""
    from components.probe.linear_probe import probe

    trials: list[_Trial] = []
    for candidate in candidates:
        try:
            with quiet_tensorflow():
                tried = probe(candidate, photos, folds=folds, seed=seed)
            trials.append(_Trial(candidate, tried))
        except ModelError as error:
            trials.append(_Trial(candidate, error=str(error)))
        say(trials[-1].row())
    return trials


def _picked(trials: list[_Trial], say: _Say) -> Probe | None:
    from components.probe.linear_probe import recommended

    probes = [trial.probe for trial in trials if trial.probe]
    if not probes:
        return None
    pick = recommended(probes)
    best = max(probes, key=lambda one: one.accuracy)
    reason = (
        "the most accurate"
        if best.accuracy == pick.accuracy
        else f"smaller, and within the interval of {best.candidate.name}, the most accurate"
    )
    name, weights = pick.candidate.name, shlex.quote(pick.candidate.weights)
    say(f"\nRecommended: {name} ({reason}).")
    say(f"  --set backbone.name={name} --set backbone.weights={weights}")
    return pick


def _domain_gap(pick: Probe, photos: ProbePhotos, *, folds: int, seed: int) -> DomainGap:
    from components.probe.domain_gap import domain_gap

    with quiet_tensorflow():
        return domain_gap(pick, photos, folds=folds, seed=seed)


def _gap_as_json(gap: DomainGap) -> dict[str, Any]:
    return {
        "pretrained_accuracy": gap.pretrained,
        "random_accuracy": gap.random,
        "gain": gap.gain,
        "interval": list(gap.interval),
        "pretraining_helps": gap.helps,
        "note": gap.note,
    }


def _chosen(names: str, weights: str | None) -> list[tuple[str, str]]:
    """Parses `--backbones`: pairs of a backbone and its weights, each once."""
    pairs: dict[tuple[str, str], None] = {}
    for text in names.split(","):
        name, _, own = text.strip().partition("=")
        if name not in BACKBONES:
            near = difflib.get_close_matches(name, BACKBONES, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise ConfigError(
                f"--backbones {names}: {name!r} is no model of keras.applications; "
                f"{hint}`warmstart backbones list` shows them."
            )
        usual = EMBEDDED if name == EMBEDDED_BACKBONE else IMAGENET
        taken = own or weights or usual
        if taken == EMBEDDED and name != EMBEDDED_BACKBONE:
            raise ConfigError(
                f"--backbones {names}: the embedded weights are those of {EMBEDDED_BACKBONE}, not "
                f"of {name}; use imagenet, none or a .weights.h5 file for it."
            )
        pairs[name, taken] = None
    return list(pairs)


def _introduction(photos: ProbePhotos, folds: int) -> str:
    return (
        f"{len(photos.paths)} photos of {len(set(photos.labels))} classes in {folds} folds; "
        "the intervals are Wilson's of 95 %."
    )


def _notes(photos: ProbePhotos, unusable: int, *, wanted: int, usable: int) -> list[str]:
    notes: list[str] = []
    if unusable:
        files = "1 file was" if unusable == 1 else f"{unusable} files were"
        notes.append(f"{files} left out, as no photo that can be used.")
    if photos.copies == 1:
        notes.append("1 file was left out, as a copy of another photo.")
    elif photos.copies:
        notes.append(f"{photos.copies} files were left out, as copies of other photos.")
    if usable < wanted:
        label, count = min(Counter(photos.labels).items(), key=lambda item: item[1])
        notes.append(
            f"{usable} folds instead of {wanted}: the smallest class, {printable(label)}, has "
            f"{count} photos."
        )
    return notes


def _listed(name: str, file: Path | None) -> dict[str, Any]:
    backbone = BACKBONES[name]
    embedded = name == EMBEDDED_BACKBONE
    return {
        "name": name,
        "parameters_in_millions": backbone.parameters,
        "image_size": backbone.image_size,
        "imagenet_top1_percent": backbone.top1,
        "weights": EMBEDDED if embedded else IMAGENET if file else None,
        "file": str(file) if file else None,
    }


def _say_nothing(_: str) -> None:
    pass


def _print_failure(message: str) -> None:
    typer.echo(json.dumps(_NOTHING_FOUND | {"error": message}, ensure_ascii=False))
