"""Says what is wrong with a data folder: what stops a run, and what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from components.dataset.duplicates import NEAR_BITS
from components.dataset.options import LEAVE_OUT, SurveyOptions
from components.dataset.splits import STRATIFIED, hashed_keys, split_of
from components.dataset.survey import Photo, Survey
from schemas import features
from schemas.errors import DataError, printable, shortened_list

# How many other seeds are tried for one that gives every class a photo in each split.
_SEEDS_TRIED = 1000

# Only such small classes can be missing in a split; the others are not tried.
_SMALL_CLASS = 200

# A class of this many photos should be divided as wished, give or take so much.
_COUNTED_FROM = 200
_MOST_OFF = 0.05

_MOST_IMBALANCE = 10
_TINY_SIDE = 64


def check_survey(data: str, survey: Survey, options: SurveyOptions) -> None:
    """Makes sure that a classifier can be trained and evaluated on these photos.

    Raises:
        DataError: with the first of `errors`.
    """
    found = errors(data, survey, options)
    if found:
        raise DataError(found[0])


def errors(data: str, survey: Survey, options: SurveyOptions) -> list[str]:
    """Returns what stops a run, most important first, a sentence each."""
    checks = (_too_many_bad, _too_many_conflicts, _too_few_classes, _too_few_photos, _no_photos)
    name = printable(data)
    return [
        sentence
        for check in checks
        if (sentence := check(name, survey, options))
        # Photos that are missing in a split are missing because there are too few.
        and not (check is _no_photos and _too_few_photos(name, survey, options))
    ]


def warnings(survey: Survey, options: SurveyOptions) -> list[str]:
    """Returns what does not stop a run, but is worth a look, a sentence each."""
    return [
        *_about_copies(survey, options),
        *_about_proportions(survey, options),
        *_about_tiny_photos(survey.photos),
    ]


def _too_many_bad(name: str, survey: Survey, options: SurveyOptions) -> str | None:
    problems = survey.problems
    total = len(problems) + len(survey.photos) + len(survey.left_out)
    if options.label_conflicts == LEAVE_OUT:
        total += sum(map(len, survey.conflicts))
    if len(problems) <= options.max_bad_fraction * total:
        return None
    names = shortened_list(f"{printable(p.path)} ({p.reason})" for p in problems)
    return (
        f"{name}: {len(problems)} of {total} files cannot be used, more than "
        f"data.max_bad_fraction = {options.max_bad_fraction:g} allows; replace or remove them, or "
        f"raise it: {names}."
    )


def _too_many_conflicts(name: str, survey: Survey, options: SurveyOptions) -> str | None:
    if options.label_conflicts != LEAVE_OUT:
        return None
    count = sum(map(len, survey.conflicts))
    total = count + len(survey.photos)
    if count <= options.max_bad_fraction * total:
        return None
    return (
        f"{name}: {count} of {total} photos show a picture that is in another class, too, more "
        f"than data.max_bad_fraction = {options.max_bad_fraction:g} allows; correct their labels, "
        "or, if they only look alike, set data.duplicates=exact or data.label_conflicts=keep: "
        f"{_pictures(survey)}."
    )


def _too_few_classes(name: str, survey: Survey, _: SurveyOptions) -> str | None:
    labels = list(survey.counts)
    if len(labels) > 1:
        return None
    return (
        f"{name} holds one class only, {printable(labels[0])}: a classifier needs photos of at "
        "least two classes, each in a folder of its own."
    )


def _too_few_photos(name: str, survey: Survey, _: SurveyOptions) -> str | None:
    totals = {label: sum(counts.values()) for label, counts in survey.counts.items()}
    few = [f"{printable(label)} has {total}" for label, total in totals.items() if total < 2]
    if not few:
        return None
    return (
        f"{name}: each class needs at least 2 photos, one to train and one to evaluate with, but "
        f"{shortened_list(few)}; {'take corrections back, ' if survey.corrected.changing else ''}"
        "add photos or remove the class folder."
    )


def _no_photos(name: str, survey: Survey, options: SurveyOptions) -> str | None:
    counts = survey.counts
    missing = [
        f"{printable(label)} in {split}"
        for label, by_split in counts.items()
        for split, count in by_split.items()
        if not count
    ]
    if not missing:
        return None
    return f"{name}: no photos of {shortened_list(missing)}; {_remedy(survey, options)}."


def _remedy(survey: Survey, options: SurveyOptions) -> str:
    if survey.given:
        return "add some, or take the class out of the other splits"
    sizes = Counter(photo.label for photo in survey.photos)
    groups = {label: set() for label in sizes}  # type: dict[str, set[int]]
    for photo in survey.photos:
        groups[photo.label].add(photo.group)
    if any(len(numbers) < 2 for numbers in groups.values()):
        return "add other photos of it: copies of one picture always go together"
    if options.strategy == STRATIFIED:
        return "add photos of it"
    exactly = "set split.strategy=stratified"
    small = [p for p in survey.photos if sizes[p.label] <= _SMALL_CLASS]
    missing = {label for label, counts in survey.counts.items() if 0 in counts.values()}
    if any(sizes[label] > _SMALL_CLASS for label in missing):
        # Hundreds of photos in one split: copies of a few pictures, which other seeds do not part.
        return f"add other pictures, or {exactly}"
    digests, numbers = [p.digest for p in small], [p.group for p in small]
    wanted = {(p.label, split) for p in small for split in survey.buckets}
    for seed in range(options.seed + 1, options.seed + 1 + _SEEDS_TRIED):
        keys = hashed_keys(digests, numbers, seed)
        splits = (split_of(key, survey.buckets) for key in keys)
        if {(p.label, s) for p, s in zip(small, splits, strict=True)} == wanted:
            return (
                f"add photos of it, or divide them differently with --set split.seed={seed} or "
                f"--{exactly}"
            )
    return f"add other photos of it, or {exactly}"


def _about_copies(survey: Survey, options: SurveyOptions) -> list[str]:
    found: list[str] = []
    if survey.conflicts:
        count = len(survey.conflicts)
        what = "1 picture is" if count == 1 else f"{count} pictures are"
        done = "left out" if options.label_conflicts == LEAVE_OUT else "kept"
        found.append(
            f"{what} under more than one label, and {done}; keep each in the right class only: "
            f"{_pictures(survey)}."
        )
    if survey.straddling:
        count = len(survey.straddling)
        what = "1 photo" if count == 1 else f"{count} photos"
        found.append(
            f"{what} to evaluate with: the same picture is in train, too, which flatters the "
            "model: " + shortened_list(printable(photo.path) for photo in survey.straddling) + "."
        )
    if survey.alike:
        found.append(
            f"{survey.alike} photos look alike ({NEAR_BITS} of 256 bits of their perceptual hash "
            "or fewer differ), too many to be copies: a fixed camera? Only equal files among them "
            "count as copies; if they are frames of a film, divide them yourself, into train/ and "
            "val/."
        )
    return found


def _pictures(survey: Survey) -> str:
    """Names the photos of each picture that is under more than one label."""
    return shortened_list(
        " = ".join(printable(photo.path) for photo in photos) for photos in survey.conflicts
    )


def _about_proportions(survey: Survey, options: SurveyOptions) -> list[str]:
    found: list[str] = []
    totals = {label: sum(counts.values()) for label, counts in survey.counts.items()}
    largest, smallest = max(totals, key=totals.__getitem__), min(totals, key=totals.__getitem__)
    if totals[smallest] and totals[largest] >= _MOST_IMBALANCE * totals[smallest]:
        found.append(
            f"{printable(largest)} has {totals[largest]} photos and {printable(smallest)} has "
            f"{totals[smallest]}: training counts every class the same, but a class with few "
            "photos is learnt and measured less well; add photos of it."
        )
    if not survey.given:
        for label, counts in survey.counts.items():
            share = counts[features.EVAL] / max(1, totals[label])
            if totals[label] >= _COUNTED_FROM and abs(share - options.eval_fraction) > _MOST_OFF:
                found.append(
                    f"{share:.0%} of the photos of {printable(label)} are for evaluation, and not "
                    f"{options.eval_fraction:.0%}; split.strategy=stratified divides exactly, but "
                    "may move photos between the splits when others are added."
                )
    return found


def _about_tiny_photos(photos: Sequence[Photo]) -> list[str]:
    tiny = [p for p in photos if min(p.seen.width, p.seen.height) < _TINY_SIDE]
    if not tiny:
        return []
    count = "1 photo is" if len(tiny) == 1 else f"{len(tiny)} photos are"
    names = shortened_list(f"{printable(p.path)} ({p.seen.width} x {p.seen.height})" for p in tiny)
    blown_up = f"smaller than {_TINY_SIDE} pixels, and will be blown up"
    return [f"{count} {blown_up}; replace them if larger ones exist: {names}."]
