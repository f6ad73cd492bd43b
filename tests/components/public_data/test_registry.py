"""Tests of the list of public data sets."""

from __future__ import annotations

import re

import pytest

from components.public_data.registry import DATASETS, PublicDataset, find
from schemas.errors import ConfigError


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_entry_is_complete(dataset: PublicDataset) -> None:
    assert find(dataset.name) is dataset
    assert dataset.url.startswith("https://")
    assert dataset.archive_name.endswith((".zip", ".tgz"))
    assert re.fullmatch("[0-9a-f]{64}", dataset.sha256)
    assert dataset.size > 1e8
    assert len(dataset.classes) > 1
    assert dataset.licence.endswith(".")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("flower", "did you mean flowers?"),
        ("Cats_vs_Dogs", "did you mean cats-vs-dogs?"),
        ("mnist", "name one of them."),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(name: str, advice: str) -> None:
    with pytest.raises(ConfigError) as error:
        find(name)

    assert str(error.value) == (
        f"{name!r} is none of the public data sets cats-vs-dogs and flowers; {advice}"
    )
