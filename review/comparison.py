"""What differs between two runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from review.differences import Difference, differences
from review.history import History
from review.photos import PhotoChanges, photo_changes, photos_of
from review.records import Execution, Run
from review.results import Gain, gains, results_of
from schemas import run_record

_SCHEMA = "Schema"
_SCHEMA_FILE = "schema.pbtxt"
_EXAMPLE_GEN_OUTPUT = "quarantine"

# Of one component between two runs, seconds and share: what is less is no difference.
_LEAST_SECONDS = 1.0
_LEAST_SHARE = 0.2


@dataclass(frozen=True)
class Timing:
    """How long a component took in two runs.

    Attributes:
        node: id of the component.
        old_state: what became of it in the first run, or None if it was not in it.
        new_state: the same in the second.
        old_seconds: that it took in the first run, or None.
        new_seconds: the same in the second.
    """

    node: str
    old_state: str | None
    new_state: str | None
    old_seconds: float | None
    new_seconds: float | None

    @property
    def differs(self) -> bool:
        """Whether the state is another, or the time by a fifth and a second."""
        if self.old_state != self.new_state:
            return True
        old, new = self.old_seconds or 0.0, self.new_seconds or 0.0
        return abs(new - old) > max(_LEAST_SECONDS, _LEAST_SHARE * max(old, new))


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs; what is equal is not in it.

    Attributes:
        old: name of the first run.
        new: name of the second.
        configuration: keys, or None if a run has none recorded.
        code: version, commit, and digests of components, or None if a run has none recorded.
        data: where the photos are, or None if that is equal or not recorded.
        photos: which of them, or None if a run has none recorded.
        schema: lines that are gone (`- `) or new (`+ `), or None if a schema is gone.
        metrics: all that were measured, as chance is a part of them.
        timings: of components that took another time or came to something else.
    """

    old: str
    new: str
    configuration: tuple[Difference, ...] | None
    code: tuple[Difference, ...] | None
    data: Difference | None
    photos: PhotoChanges | None
    schema: tuple[str, ...] | None
    metrics: tuple[Gain, ...]
    timings: tuple[Timing, ...]


def compare(history: History, old: Run, new: Run) -> Comparison:
    """Compares two runs of a store."""
    before, after = results_of(history, [old, new])
    photos = [photos_of(history, _example_gen(run)) for run in (old, new)]
    places = [str(run.head.record.get(run_record.DATA, "")) for run in (old, new)]
    return Comparison(
        old=old.name,
        new=new.name,
        configuration=_configuration(old, new),
        code=_of_code(old, new),
        data=Difference("data", *places) if all(places) and places[0] != places[1] else None,
        photos=(
            photo_changes(photos[0], photos[1])
            if photos[0] is not None and photos[1] is not None
            else None
        ),
        schema=_schema(history, old, new),
        metrics=tuple(gains(before.metrics or {}, after.metrics or {})),
        timings=tuple(timing for timing in _timings(old, new) if timing.differs),
    )


def _configuration(old: Run, new: Run) -> tuple[Difference, ...] | None:
    texts = [run.head.record.get(run_record.CONFIGURATION) for run in (old, new)]
    if None in texts:
        return None
    before, after = ({"configuration": text} for text in texts)
    return tuple(differences(before, after))


def _of_code(old: Run, new: Run) -> tuple[Difference, ...] | None:
    before, after = _code(old), _code(new)
    return tuple(differences(before, after)) if before and after else None


def _code(run: Run) -> dict[str, str]:
    head = run.head.record
    whole = {
        name: str(head[key])
        for name, key in (("version", run_record.VERSION), ("commit", run_record.COMMIT))
        if key in head
    }
    parts = {
        f"code of {one.node}": str(one.record[run_record.CODE])
        for one in run.executions
        if run_record.CODE in one.record
    }
    return whole | parts


def _example_gen(run: Run) -> Execution | None:
    return next((one for one in run.executions if _EXAMPLE_GEN_OUTPUT in one.outputs), None)


def _schema(history: History, old: Run, new: Run) -> tuple[str, ...] | None:
    texts = [_schema_of(history, run) for run in (old, new)]
    if texts[0] is None or texts[1] is None:
        return None
    lines = difflib.ndiff(texts[0].splitlines(), texts[1].splitlines())
    return tuple(line for line in lines if line.startswith(("- ", "+ ")))


def _schema_of(history: History, run: Run) -> str | None:
    artifacts = history.artifacts(run.made_ids)
    made = (artifacts[number] for number in run.made_ids if number in artifacts)
    schema = next((artifact for artifact in made if artifact.type == _SCHEMA), None)
    return history.files.read_text(schema, _SCHEMA_FILE) if schema else None


def _timings(old: Run, new: Run) -> list[Timing]:
    before: Mapping[str, Execution] = {one.node: one for one in old.executions}
    after: Mapping[str, Execution] = {one.node: one for one in new.executions}
    return [_timing(node, before.get(node), after.get(node)) for node in {**before, **after}]


def _timing(node: str, old: Execution | None, new: Execution | None) -> Timing:
    return Timing(
        node,
        old.state if old else None,
        new.state if new else None,
        old.seconds if old else None,
        new.seconds if new else None,
    )
