"""Tests of what a person is asked to decide about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_store import MadeStore

from review.examples import examples_of_run
from review.history import History
from review.label_queue import Doubt, doubts_of_run
from review.store import opened
from schemas.corrections import Correction

CAT, DOG, COPY = ("a" * 64, "b" * 64, "c" * 64)
PHOTOS = f"""path,label,split,sha256
cat/1.jpg,cat,train,{CAT}
dog/1.jpg,dog,train,{DOG}
dog/2.jpg,dog,train,{COPY}
"""
SUSPICIONS = """path,class,suggested,self_confidence,confidence,split
dog/1.jpg,dog,cat,0.1,0.9,train
cat/1.jpg,cat,dog,0.2,much,train
gone.jpg,cat,dog,0.2,0.8,train
"""


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    """A run whose copies and suspicious labels are recorded."""
    made = MadeStore(tmp_path)
    survey = json.dumps({"duplicate_groups": [["dog/1.jpg", "dog/2.jpg"]]})
    examples, _ = made.execution(
        "one",
        "ImageExampleGen",
        outputs={
            "examples": made.artifact("Examples", "ImageExampleGen/examples/1", {}),
            "quarantine": made.artifact(
                "Quarantine",
                "ImageExampleGen/quarantine/1",
                {"photos.csv": PHOTOS, "survey.json": survey},
            ),
        },
    )
    made.execution(
        "one",
        "LabelReview",
        inputs={"examples": examples},
        outputs={
            "suspicions": made.artifact(
                "LabelSuspicions", "LabelReview/suspicions/2", {"suspicions.csv": SUSPICIONS}
            )
        },
    )
    return made


def doubts(made: MadeStore, *decided: Correction) -> list[Doubt]:
    with opened(made.output) as store:
        history = History(store, made.output.root)
        (run,) = history.read(history.runs())
        examples = examples_of_run(history, run)
        assert examples is not None
        return doubts_of_run(history, run, examples, decided)


def test_labels_come_in_the_order_of_their_list_and_copies_behind(made: MadeStore) -> None:
    found = doubts(made)

    assert [(d.kind, d.photo.path, d.suggested, d.confidence) for d in found] == [
        ("label", "dog/1.jpg", "cat", 0.9),
        ("label", "cat/1.jpg", "dog", None),
        ("copy", "dog/1.jpg", "", None),
        ("copy", "dog/2.jpg", "", None),
    ]
    assert [(d.group, d.others) for d in found[2:]] == [(1, ("dog/2.jpg",)), (1, ("dog/1.jpg",))]
    assert not any(d.decision for d in found)


def test_decision_is_shown_with_the_photo_wherever_that_is_now(made: MadeStore) -> None:
    moved = Correction("elsewhere.jpg", DOG, "dog", "relabel", "cat")

    assert [d.decision for d in doubts(made, moved)] == [moved, None, moved, None]


def test_photo_that_is_left_out_leaves_its_copy_elsewhere_in(made: MadeStore) -> None:
    left_out = Correction("elsewhere.jpg", DOG, "dog", "leave_out")
    own = Correction("dog/1.jpg", DOG, "dog", "leave_out")

    assert not any(d.decision for d in doubts(made, left_out))
    assert [d.decision for d in doubts(made, left_out, own)] == [own, None, own, None]
