"""Make the sample photos from the stamps of Debian's package tuxpaint-stamps-default.

The stamps are cut-outs on a transparent ground. This script lays the photographic ones on plain
backgrounds and writes them as JPEG into one folder per class. From the repository root, with the
package unpacked by dpkg-deb (samples/README.md says which package file):

    dpkg-deb -x tuxpaint-stamps-default_2022.06.04-1_all.deb stamps
    python -m samples.make_stamps stamps samples/photos

The same stamps and the same Pillow version give the same bytes. Files of the same name are
overwritten, other files are left alone.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

STAMPS_PATH = Path("usr/share/tuxpaint/stamps")

# Class name -> stamp folders, searched with their subfolders.
CLASSES: dict[str, tuple[str, ...]] = {
    "birds": ("animals/birds",),
    "food": ("food",),
    "mammals": ("animals/mammals", "animals/marsupials"),
    "plants": ("plants",),
}

# Folders that hold drawings and toys, or (mushrooms) what is no plant.
SKIPPED_FOLDERS = frozenset({"cartoon", "mushrooms", "plastic", "toys"})

# Mirror images would put one photo into both training and evaluation.
VARIANT_SUFFIXES = ("_flip", "_mirror")

_DRAWING = "a drawing, not a photo"
_SAME_PHOTO = "the photo of apple_green in a different colour"
_SAME_ANIMAL = "the calf of gnu-baby once more"
_PART = "a fruit or cone, which the class food shows too"
_CC_BY_SA = "Creative Commons BY-SA by the package's changelog, not the GPL"
_GFDL = "GNU Free Documentation License by the package's changelog, not the GPL"
_NO_LICENCE = "taken from a web site, and the package's changelog names no licence"

# Stamp (path below the stamps folder, without suffix) -> why it is left out.
SKIPPED_STAMPS: dict[str, str] = {
    "animals/birds/heron_greatblue": _CC_BY_SA,
    "animals/birds/heron_greatblue_flying": _CC_BY_SA,
    "animals/birds/helmeted_guineafowl": _GFDL,
    "animals/birds/pelican": _CC_BY_SA,
    "animals/birds/tucan": _DRAWING,
    "animals/mammals/aquatic/orca": _DRAWING,
    "animals/mammals/bovines/gnu-baby-stand": _SAME_ANIMAL,
    "animals/mammals/echidna": _DRAWING,
    "animals/mammals/hedgehog": _DRAWING,
    "food/fruit/Apricot_whole": _GFDL,
    "food/fruit/Cherry_Stella": _GFDL,
    "food/fruit/Strawberry2": _GFDL,
    "food/fruit/apple_red": _SAME_PHOTO,
    "food/fruit/apricot": _NO_LICENCE,
    "food/fruit/grapes": _NO_LICENCE,
    "food/fruit/pineapple": _NO_LICENCE,
    "food/fruit/sliced_lime": _NO_LICENCE,
    "food/fruit/sliced_orange": _NO_LICENCE,
    "food/pizza": _DRAWING,
    "plants/flowers/adeenia": _CC_BY_SA,
    "plants/flowers/anthoorium": _CC_BY_SA,
    "plants/flowers/appooppanthady": _CC_BY_SA,
    "plants/flowers/bolsom": _CC_BY_SA,
    "plants/flowers/chemparathi": _CC_BY_SA,
    "plants/trees/pinecone": _PART,
    "plants/trees/rambutan": _PART,
}

BACKGROUNDS: tuple[tuple[int, int, int], ...] = (
    (236, 229, 216),
    (214, 226, 234),
    (220, 231, 212),
    (231, 219, 229),
    (222, 222, 222),
)

MAX_PER_CLASS = 32
LONG_SIDE = 256
# Photos are 4:3 at the narrowest, so that fitting them into a square distorts none of them much.
MIN_SHORT_SIDE = 192
MARGIN = 20
# Many cut-outs have stray, nearly transparent pixels far from the subject.
MIN_ALPHA = 64
JPEG_QUALITY = 85


def find_stamps_folder(source: Path) -> Path:
    """Finds the folder of stamps.

    Args:
        source: The unpacked package, or its folder of stamps itself.

    Returns:
        The folder that holds the stamp folders named in `CLASSES`.

    Raises:
        FileNotFoundError: `source` is neither of the two.
    """
    for folder in (source / STAMPS_PATH, source):
        if any((folder / name).is_dir() for names in CLASSES.values() for name in names):
            return folder
    raise FileNotFoundError(f"no stamps in {source}: unpack tuxpaint-stamps-default there first")


def is_photo(stamp: Path) -> bool:
    """Tells whether a stamp is a photo to keep.

    Args:
        stamp: The path of a PNG stamp, relative to the folder of stamps.

    Returns:
        False for drawings, toys, mirror images and the stamps in `SKIPPED_STAMPS`.
    """
    return (
        SKIPPED_FOLDERS.isdisjoint(stamp.parent.parts)
        and not stamp.stem.endswith(VARIANT_SUFFIXES)
        and stamp.with_suffix("").as_posix() not in SKIPPED_STAMPS
    )


def pick_background(name: str) -> tuple[int, int, int]:
    """Picks the background colour of a photo.

    The choice depends on the name alone, not on the class, so that the background tells a
    classifier nothing.

    Args:
        name: The stamp's file name without suffix.

    Returns:
        One of `BACKGROUNDS`, the same at every call.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return BACKGROUNDS[int.from_bytes(digest[:8], "big") % len(BACKGROUNDS)]


def load_cutout(path: Path) -> Image.Image:
    """Reads a stamp and crops it to its subject.

    Args:
        path: A PNG stamp.

    Returns:
        The subject as an RGBA image.

    Raises:
        ValueError: The stamp has no visible pixel.
    """
    with Image.open(path) as image:
        rgba = image.convert("RGBA")
    box = rgba.getchannel("A").point(lambda alpha: 255 if alpha >= MIN_ALPHA else 0).getbbox()
    if box is None:
        raise ValueError(f"{path} shows nothing")
    return rgba.crop(box)


def compose_photo(cutout: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Lays a cut-out on a plain background.

    Args:
        cutout: An RGBA image.
        colour: The background colour.

    Returns:
        An opaque RGB image, `LONG_SIDE` pixels on its longer side.
    """
    scale = (LONG_SIDE - 2 * MARGIN) / max(cutout.size)
    width, height = (max(1, round(side * scale)) for side in cutout.size)
    subject = cutout.resize((width, height), Image.Resampling.LANCZOS)
    size = (
        max(MIN_SHORT_SIDE, width + 2 * MARGIN),
        max(MIN_SHORT_SIDE, height + 2 * MARGIN),
    )
    photo = Image.new("RGB", size, colour)
    photo.paste(subject, ((size[0] - width) // 2, (size[1] - height) // 2), subject)
    return photo


def _load_class(stamps: Path, folders: Sequence[str]) -> dict[str, Image.Image]:
    """Returns the cut-outs of one class by name, those of the most detail if there are too many."""
    cutouts: dict[str, Image.Image] = {}
    for folder in folders:
        for path in sorted((stamps / folder).rglob("*.png")):
            if not is_photo(path.relative_to(stamps)):
                continue
            if path.stem in cutouts:
                raise ValueError(f"two stamps of one class are named {path.stem}")
            cutouts[path.stem] = load_cutout(path)
    largest_first = sorted(cutouts, key=lambda name: (-max(cutouts[name].size), name))
    return {name: cutouts[name] for name in sorted(largest_first[:MAX_PER_CLASS])}


def make_photos(source: Path, out: Path) -> dict[str, int]:
    """Writes the sample photos.

    Args:
        source: The unpacked package, or its folder of stamps.
        out: The folder that gets one folder per class.

    Returns:
        The number of photos per class.

    Raises:
        FileNotFoundError: `source` holds no stamps.
        ValueError: A stamp is empty, or two of one class have the same name.
    """
    stamps = find_stamps_folder(source)
    counts: dict[str, int] = {}
    for label, folders in CLASSES.items():
        cutouts = _load_class(stamps, folders)
        (out / label).mkdir(parents=True, exist_ok=True)
        for name, cutout in cutouts.items():
            photo = compose_photo(cutout, pick_background(name))
            photo.save(out / label / f"{name}.jpg", quality=JPEG_QUALITY, optimize=True)
        counts[label] = len(cutouts)
    return counts


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line.

    Args:
        argv: The arguments; those of the process if None.
    """
    parser = argparse.ArgumentParser(description="Make the sample photos from Tux Paint's stamps.")
    parser.add_argument("source", type=Path, help="the unpacked package, or its stamps folder")
    parser.add_argument("out", type=Path, help="the folder for the class folders")
    args = parser.parse_args(argv)
    for label, count in make_photos(args.source, args.out).items():
        print(f"{label}: {count} photos")  # noqa: T201 (it is a script)


if __name__ == "__main__":
    main()
