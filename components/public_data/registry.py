"""The public data sets that can be fetched: where each lies, its SHA-256 and its licence."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from schemas.errors import ConfigError


@dataclass(frozen=True)
class PublicDataset:
    """A data set that is published as one archive.

    Attributes:
        name: as on the command line.
        url: of the archive, a .zip or .tar.gz file.
        size: of the archive, in bytes.
        sha256: of the archive, in hex.
        licence: a sentence for the user: what the photos may be used for.
        folder: the one inside the archive that holds the class folders.
        classes: names of the class folders.
        licence_file: path inside the archive; it is kept beside the class folders.
    """

    name: str
    url: str
    size: int
    sha256: str
    licence: str
    folder: str
    classes: tuple[str, ...]
    licence_file: str

    @property
    def archive_name(self) -> str:
        """File name of the archive."""
        return PurePosixPath(urlsplit(self.url).path).name


# Sizes and hashes are those in url_checksums of TensorFlow Datasets.
DATASETS = {
    dataset.name: dataset
    for dataset in (
        PublicDataset(
            name="cats-vs-dogs",
            url=(
                "https://download.microsoft.com/download/3/E/1/"
                "3E1C3F21-ECDB-4869-8368-6DEBA77B919F/kagglecatsanddogs_5340.zip"
            ),
            size=824_887_076,
            sha256="b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
            licence=(
                "Microsoft Research License Agreement: for research only, not for commercial use."
            ),
            folder="PetImages",
            classes=("Cat", "Dog"),
            licence_file="MSR-LA - 3467.docx",
        ),
        PublicDataset(
            name="flowers",
            # download.tensorflow.org is a bucket of that name; only this address of it has HTTPS.
            url=(
                "https://storage.googleapis.com/download.tensorflow.org/example_images/"
                "flower_photos.tgz"
            ),
            size=228_813_984,
            sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
            licence=(
                "Creative Commons Attribution 2.0 (CC BY 2.0): name the photographer of each "
                "photo that you show."
            ),
            folder="flower_photos",
            classes=("daisy", "dandelion", "roses", "sunflowers", "tulips"),
            licence_file="flower_photos/LICENSE.txt",
        ),
    )
}


def find(name: str) -> PublicDataset:
    """Returns the data set of this name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in DATASETS:
        near = difflib.get_close_matches(name.lower(), DATASETS, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else "name one of them."
        raise ConfigError(
            f"{name!r} is none of the public data sets {' and '.join(DATASETS)}; {advice}"
        )
    return DATASETS[name]
