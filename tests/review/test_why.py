"""Tests of why components ran: one for each reason, in stores written by hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from made_store import CACHED, FAILED, MadeStore

from review.history import History
from review.store import opened
from review.why import Why, explain, explain_one
from schemas.corrections import KEEP, LEAVE_OUT, RELABEL, Correction, as_property
from schemas.errors import ConfigError


@pytest.fixture
def made(tmp_path: Path) -> MadeStore:
    return MadeStore(tmp_path)


def why(made: MadeStore, run: str, node: str, later: timedelta = timedelta()) -> Why:
    with opened(made.output) as store:
        history = History(store, made.output.root)
        (head,) = [head for head in history.runs() if head.name == run]
        (found,) = history.read([head])
        return explain(history, found, datetime.now(UTC) + later)[node]


def chain(made: MadeStore, run: str, content: str | None) -> None:
    """Adds a run of a Generator, with or without a record of its content, and of a Trainer."""
    (examples,) = made.execution(
        run,
        "Generator",
        outputs={"examples": made.artifact("Examples", f"Generator/examples/{run}", {"a": "b"})},
        fingerprint=run,
    )
    if content is not None:
        generator = max(made.store.get_executions(), key=lambda one: one.id)
        record = json.dumps({examples: f"sha256:{content}"})
        generator.custom_properties["warmstart_outputs"].string_value = record
        made.store.put_executions([generator])
    made.execution(
        run,
        "Trainer",
        inputs={"examples": examples},
        outputs={"model": made.artifact("Model", f"Trainer/model/{run}", {"m": "m"})},
        custom_config=json.dumps({"frozen": {"learning_rate": 0.1}}),
    )


def test_component_without_a_history_never_ran(made: MadeStore) -> None:
    made.execution("one", "Trainer")

    found = why(made, "one", "Trainer")

    assert found.sentence == "it never ran before."
    assert [reason.kind for reason in found.reasons] == ["never ran before"]


def test_component_that_only_failed_names_the_attempt(made: MadeStore) -> None:
    made.execution("one", "Trainer", state=FAILED)
    made.execution("two", "Trainer")

    assert (
        why(made, "two", "Trainer").sentence == "it never succeeded before, and failed in run one."
    )


def test_property_is_told_with_old_and_new_value(made: MadeStore) -> None:
    made.execution("one", "Trainer", custom_config='{"frozen": {"learning_rate": 0.1}}')
    made.execution("two", "Trainer", custom_config='{"frozen": {"learning_rate": 0.2}}')

    found = why(made, "two", "Trainer")

    assert found.sentence == "frozen.learning_rate changed from 0.1 to 0.2 since run one."
    assert [reason.kind for reason in found.reasons] == ["property"]


def test_corrections_are_counted_by_what_was_decided(made: MadeStore) -> None:
    relabelled = [Correction(f"cat/{n}", f"{n:064}", "cat", RELABEL, "dog") for n in range(2)]
    left_out = Correction("dog/1", "ab" * 32, "dog", LEAVE_OUT)
    changed = replace(left_out, decision=KEEP)
    for run, corrections in (
        ("one", []),
        ("two", [*relabelled, left_out]),
        ("three", [relabelled[0], changed]),
    ):
        made.execution(run, "Generator", corrections=as_property(corrections))

    found = why(made, "two", "Generator")
    assert found.sentence == "the corrections changed (2 relabelled, 1 left out) since run one."
    assert [reason.kind for reason in found.reasons] == ["input content"]
    assert why(made, "three", "Generator").sentence == (
        "the corrections changed (1 kept, 1 taken back) since run two."
    )


def test_corrections_that_were_taken_back_are_counted(made: MadeStore) -> None:
    kept = [Correction(f"cat/{n}", f"{n:064}", "cat", KEEP) for n in range(3)]
    made.execution("one", "Review", corrections=as_property(kept))
    made.execution("two", "Review", corrections=as_property(kept[:1]))

    assert why(made, "two", "Review").sentence == (
        "the corrections changed (2 taken back) since run one."
    )


def test_run_of_a_version_without_corrections_had_none(made: MadeStore) -> None:
    made.execution("one", "Generator", code_digest="aa")
    made.execution("two", "Generator", code_digest="bb", corrections=as_property([]))

    assert why(made, "two", "Generator").sentence == "its code changed since run one."


@pytest.mark.parametrize("text", ["many", "[1]", '[["a"]]'])
def test_corrections_of_another_program_are_a_property_like_others(
    made: MadeStore, text: str
) -> None:
    made.execution("one", "Generator", corrections="[]")
    made.execution("two", "Generator", corrections=text)

    assert why(made, "two", "Generator").sentence == (
        f"corrections changed from [] to {text} since run one."
    )


def test_code_is_told_from_properties(made: MadeStore) -> None:
    made.execution("one", "Trainer", custom_config='{"code_digest": "aa", "units": 3}')
    made.execution("two", "Trainer", custom_config='{"code_digest": "bb", "units": 3}')

    found = why(made, "two", "Trainer")

    assert found.sentence == "its code changed since run one."
    assert [reason.kind for reason in found.reasons] == ["code"]


def test_other_version_of_tfx_is_other_code(made: MadeStore) -> None:
    for run, version in (("one", "1.20.0"), ("two", "1.21.0")):
        model = made.artifact("Model", f"Trainer/model/{run}", {}, tfx_version=version)
        made.execution(run, "Trainer", outputs={"model": model})

    found = why(made, "two", "Trainer")

    assert found.sentence == "tfx_version changed from 1.20.0 to 1.21.0 since run one."
    assert [reason.kind for reason in found.reasons] == ["code"]


def test_input_of_other_content_is_followed_to_the_first_cause(made: MadeStore) -> None:
    chain(made, "one", "aaa")
    chain(made, "two", "bbb")

    found = why(made, "two", "Trainer")

    assert found.sentence == (
        "examples: other content since run one. First cause: Generator: fingerprint changed from "
        "one to two."
    )
    assert [reason.kind for reason in found.reasons] == ["input content"]
    assert [(cause.node, cause.text) for cause in found.first_causes] == [
        ("Generator", "fingerprint changed from one to two")
    ]


def test_input_of_the_same_content_is_told_apart(made: MadeStore) -> None:
    chain(made, "one", "aaa")
    chain(made, "two", "aaa")

    found = why(made, "two", "Trainer")

    assert found.sentence == (
        "examples: a new artifact with the same content since run one. First cause: Generator: "
        "fingerprint changed from one to two."
    )
    assert [reason.kind for reason in found.reasons] == ["input id"]


def test_content_without_a_record_is_said_to_have_none(made: MadeStore) -> None:
    chain(made, "one", None)
    chain(made, "two", "aaa")

    assert why(made, "two", "Trainer").sentence == (
        "examples: another artifact, and whether its content differs is not recorded since run "
        "one. First cause: Generator: fingerprint changed from one to two."
    )


def test_other_executor_is_told_from_the_record(made: MadeStore) -> None:
    made.execution("one", "Trainer", warmstart_executor="trainers.Old 11")
    made.execution("two", "Trainer", warmstart_executor="trainers.New 22")

    found = why(made, "two", "Trainer")

    assert found.sentence == "the executor changed from trainers.Old to trainers.New since run one."
    assert [reason.kind for reason in found.reasons] == ["executor or pipeline"]


def test_other_settings_of_an_executor_are_told_from_the_record(made: MadeStore) -> None:
    made.execution("one", "Trainer", warmstart_executor="trainers.New 11")
    made.execution("two", "Trainer", warmstart_executor="trainers.New 22")

    assert why(made, "two", "Trainer").sentence == "the executor's settings changed since run one."


def test_other_pipeline_is_told(made: MadeStore) -> None:
    made.execution("one", "Trainer", pipeline="old")
    made.execution("two", "Trainer", pipeline="new")

    found = why(made, "two", "Trainer")

    assert found.sentence == "the pipeline's name changed from old to new since run one."
    assert [reason.kind for reason in found.reasons] == ["executor or pipeline"]


def test_nothing_that_differs_says_what_is_not_recorded(made: MadeStore) -> None:
    made.execution("one", "Trainer", units=3)
    made.execution("two", "Trainer", units=3)

    assert why(made, "two", "Trainer").sentence == (
        "nothing that is recorded differs; the executor, and the code of a module file, are not "
        "recorded since run one."
    )


def test_result_that_was_marked_deleted_is_not_usable(made: MadeStore) -> None:
    model = made.artifact("PushedModel", "Pusher/pushed_model/1", {})
    (number,) = made.execution("one", "Pusher", outputs={"pushed_model": model}, key="same")
    made.execution("two", "Pusher", key="same")
    made.forget(number)

    found = why(made, "two", "Pusher")

    assert found.sentence == (
        "the result of run one, made of the same, could not be reused: PushedModel is marked "
        "deleted."
    )
    assert [reason.kind for reason in found.reasons] == ["earlier result not usable"]


def test_result_whose_files_are_gone_is_not_usable(made: MadeStore) -> None:
    model = made.artifact("Model", "Trainer/model/1", {})
    made.execution("one", "Trainer", outputs={"model": model}, key="same")
    made.execution("two", "Trainer", key="same")
    shutil.rmtree(made.output.artifacts / "Trainer")

    assert why(made, "two", "Trainer").sentence == (
        "the result of run one, made of the same, could not be reused: the files of Model are gone."
    )


def test_result_that_is_there_was_not_used_because_the_cache_was_off(made: MadeStore) -> None:
    model = made.artifact("Model", "Trainer/model/1", {})
    made.execution("one", "Trainer", outputs={"model": model}, key="same")
    made.execution("two", "Trainer", key="same")

    assert why(made, "two", "Trainer").sentence == (
        "the result of run one, made of the same, could not be reused: the cache was off, or its "
        "files were not there then."
    )


def test_earlier_execution_that_differs_least_is_compared_with(made: MadeStore) -> None:
    made.execution("one", "Trainer", units=1, rate=0.1)
    made.execution("two", "Trainer", units=2, rate=0.2)
    made.execution("three", "Trainer", units=3, rate=0.1)

    assert why(made, "three", "Trainer").sentence == "units changed from 1 to 3 since run one."


def test_input_of_the_same_content_differs_less_than_other_content(made: MadeStore) -> None:
    chain(made, "one", "aaa")
    chain(made, "two", "bbb")
    chain(made, "three", "aaa")

    assert why(made, "three", "Trainer").sentence == (
        "examples: a new artifact with the same content since run one. First cause: Generator: "
        "fingerprint changed from two to three."
    )


def test_cached_component_says_whose_result_it_is(made: MadeStore) -> None:
    model = made.artifact("Model", "Trainer/model/1", {"m": "m"})
    (number,) = made.execution("one", "Trainer", outputs={"model": model})
    made.execution("two", "Trainer", outputs={"model": made.known(number)}, state=CACHED)
    made.execution("three", "Trainer", outputs={"model": made.known(number)}, state=CACHED)

    found = why(made, "three", "Trainer", later=timedelta(hours=3))

    assert found.sentence == "reused from run one, 3 hours old; its files are there."
    assert found.since == "one"


def test_cached_component_whose_files_are_gone_says_so(made: MadeStore) -> None:
    model = made.artifact("Model", "Trainer/model/1", {"m": "m"})
    (number,) = made.execution("one", "Trainer", outputs={"model": model})
    made.execution("two", "Trainer", outputs={"model": made.known(number)}, state=CACHED)
    shutil.rmtree(made.output.artifacts / "Trainer")

    assert why(made, "two", "Trainer").sentence == (
        "reused from run one, less than a minute old; its files are gone from disk: Model."
    )


def test_input_that_came_from_the_cache_names_whose_it_is(made: MadeStore) -> None:
    """Two data sets by turns: the cause is no change in this run's generator."""
    first = made.artifact("Examples", "Generator/examples/1", {})
    (number,) = made.execution("one", "Generator", outputs={"examples": first})
    chain(made, "two", None)
    made.execution("three", "Generator", outputs={"examples": made.known(number)}, state=CACHED)
    config = '{"frozen": {"learning_rate": 0.1}}'
    made.execution("three", "Trainer", inputs={"examples": number}, custom_config=config)

    assert why(made, "three", "Trainer").sentence == (
        "examples: another artifact, and whether its content differs is not recorded since run "
        "two. First cause: Generator: it reused the examples of run one."
    )


def test_changed_entry_of_an_input_is_told(made: MadeStore) -> None:
    """It is a part of TFX's cache key, whole."""
    examples = made.artifact("Examples", "Generator/examples/1", {})
    (number,) = made.execution("one", "Generator", outputs={"examples": examples})
    made.execution("one", "Trainer", inputs={"examples": number})
    artifact = made.known(number)
    artifact.custom_properties["note"].string_value = "by hand"
    made.store.put_artifacts([artifact])
    made.execution("two", "Trainer", inputs={"examples": number})

    assert why(made, "two", "Trainer").sentence == (
        f"the entry of examples (artifact {number}) was changed since run one."
    )


def test_unknown_component_lists_those_of_the_run(made: MadeStore) -> None:
    chain(made, "one", None)
    with opened(made.output) as store:
        history = History(store, made.output.root)
        (run,) = history.read(history.runs())
        assert explain_one(history, run, "trainer").node == "Trainer"
        with pytest.raises(ConfigError) as refused:
            explain_one(history, run, "Tuner")

    assert str(refused.value) == "Run one has no component Tuner; it has Generator, Trainer."


def test_input_that_is_given_for_the_first_time_or_not_any_more_is_told(made: MadeStore) -> None:
    (examples,) = made.execution(
        "one", "Generator", outputs={"examples": made.artifact("Examples", "G/examples/1", {})}
    )
    for run, inputs in (("one", {}), ("two", {"examples": examples}), ("three", {})):
        made.execution(run, "Trainer", inputs=inputs)

    first, last = (why(made, run, "Trainer") for run in ("two", "three"))

    assert first.sentence == "examples: given for the first time since run one."
    assert last.sentence == "examples is not given any more since run two."
    assert [reason.kind for reason in (*first.reasons, *last.reasons)] == ["input content"] * 2


def test_code_that_changed_is_told_without_its_digest(made: MadeStore) -> None:
    made.execution("one", "Trainer", code_digest="ab")
    made.execution("two", "Trainer", code_digest="cd")

    found = why(made, "two", "Trainer")

    assert found.sentence == "its code changed since run one."
    assert [reason.kind for reason in found.reasons] == ["code"]


def test_several_reasons_are_told_one_after_another(made: MadeStore) -> None:
    made.execution("one", "Trainer", epochs=1, rate=0.1)
    made.execution("two", "Trainer", epochs=2, rate=0.2)

    assert why(made, "two", "Trainer").sentence == (
        "epochs changed from 1 to 2; rate changed from 0.1 to 0.2 since run one."
    )
