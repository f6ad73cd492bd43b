"""Why a component ran or was reused, followed up to the first cause.

TFX's cache key is a hash of everything that decides about a component, and the store keeps the
hash only. So the answer is what differs from an earlier execution of the same component: of the
latest ones that succeeded, the one that differs least, as one more thing in common would have let
TFX reuse it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from review.corrections import corrections_sentence
from review.differences import Difference, differences
from review.files import is_missing
from review.forecast import is_to_be_made
from review.history import History
from review.photos import photo_changes, photos_of
from review.records import CACHED, EXECUTED, FAILED, LIVE, Artifact, Execution, Run
from schemas import run_record
from schemas.errors import ConfigError, printable, shortened_list

# The seven reasons.
NEVER_RAN = "never ran before"
INPUT_CONTENT = "input content"
INPUT_ID = "input id"
PROPERTY = "property"
CODE = "code"
EXECUTOR = "executor or pipeline"
NOT_USABLE = "earlier result not usable"

# Others that are no reason to run.
REUSED = "reused"
LOOKED_UP = "looked up"

# Earlier executions that are compared with.
_MOST_EARLIER = 20

_FINGERPRINT = "input_fingerprint"
_CORRECTIONS = "corrections"
_CODE_KEYS = ("code_digest", "module_path", "tfx_version")
_TFX_VERSION = "tfx_version"
_TO_BE_MADE = "made anew"
_NOT_RECORDED = "another artifact, and whether its content differs is not recorded"


@dataclass(frozen=True)
class Reason:
    """One reason why a component ran.

    Attributes:
        kind: one of the seven, or `reused` or `looked up`.
        text: what differs, as a clause.
        input: name of the input that differs, or empty.
        artifact: id of the artifact that is that input now, or None.
    """

    kind: str
    text: str
    input: str = ""
    artifact: int | None = None

    @property
    def is_of_input(self) -> bool:
        """Whether the cause lies further up."""
        return self.artifact is not None


@dataclass(frozen=True)
class Cause:
    """A first cause.

    Attributes:
        node: the component it lies with.
        text: what it is, as a clause.
    """

    node: str
    text: str


@dataclass(frozen=True)
class Why:
    """Why a component ran or was reused.

    Attributes:
        node: id of the component.
        state: what became of it.
        sentence: the answer for people.
        reasons: each thing that differs from the execution it is compared with.
        first_causes: where they come from, not named if they lie with the component itself.
        since: name of the run that it is compared with or reused from, or empty.
        what: the answer without that name and without first causes, as a clause.
    """

    node: str
    state: str
    sentence: str
    reasons: tuple[Reason, ...] = ()
    first_causes: tuple[Cause, ...] = ()
    since: str = ""
    what: str = ""


def explain(history: History, run: Run, now: datetime | None = None) -> dict[str, Why]:
    """Explains every component of a run, by its id.

    Args:
        history: the store it is in.
        run: whose components are asked about.
        now: in UTC, from which ages are counted.
    """
    found = _Found.of(history, run)
    return {
        execution.node: _why(execution, found, now or datetime.now(UTC))
        for execution in run.executions
    }


def explain_one(history: History, run: Run, component: str) -> Why:
    """Explains one component of a run.

    Args:
        history: the store it is in.
        run: that it was part of.
        component: its id, in any case.

    Raises:
        ConfigError: if the run has no such component.
    """
    for node, why in explain(history, run).items():
        if node.lower() == component.lower():
            return why
    raise ConfigError(
        f"Run {run.name} has no component {printable(component)}; it has "
        f"{', '.join(one.node for one in run.executions)}."
    )


@dataclass(frozen=True)
class _Found:
    """What is known of a run and of what it is compared with.

    Attributes:
        history: the store.
        run: that is explained.
        reasons: of each executed component, by its id.
        since: the execution that each of them is compared with, by its id.
        makers: the executions that made what is named in `reasons`, and what was reused.
        artifacts: the outputs of the run.
    """

    history: History
    run: Run
    reasons: Mapping[str, tuple[Reason, ...]]
    since: Mapping[str, Execution]
    makers: Mapping[int, Execution]
    artifacts: Mapping[int, Artifact]

    @classmethod
    def of(cls, history: History, run: Run) -> _Found:
        asked = [one for one in run.executions if one.state != CACHED and not one.is_resolver]
        candidates = _earlier(history, asked)
        compared = [one for many in candidates.values() for one in many]
        ids = {number for one in (*run.executions, *compared) for number in one.input_ids}
        outputs = {number for one in run.executions for number in one.output_ids}
        earlier_outputs = {number for one in compared for number in one.output_ids}
        makers = history.makers(ids | outputs)
        artifacts = history.artifacts(ids | outputs | earlier_outputs)
        digests = history.digests(ids)
        reasons, since = {}, {}
        for execution in asked:
            compare = _Comparison(history, execution, artifacts, digests)
            reasons[execution.node], before = compare.nearest(candidates[execution.id])
            if before:
                since[execution.node] = before
        return cls(history, run, reasons, since, makers, artifacts)

    def first_causes(self, node: str) -> list[Cause]:
        """Follows the reasons of a component to where they begin."""
        causes: dict[Cause, None] = {}
        for reason in self.reasons.get(node, ()):
            above = self._giver(reason.artifact) if reason.artifact is not None else None
            if not above:
                causes[Cause(node, reason.text)] = None
            elif above.is_resolver or above.state == CACHED:
                causes[Cause(above.node, self._found_another(above, reason))] = None
            else:
                causes.update((cause, None) for cause in self.first_causes(above.node))
        order = [execution.node for execution in self.run.executions]
        return sorted(causes, key=lambda cause: order.index(cause.node))

    def _giver(self, artifact: int | None) -> Execution | None:
        """Returns the execution of this run that gave an artifact to those after it."""
        return next((one for one in self.run.executions if artifact in one.output_ids), None)

    def _found_another(self, giver: Execution, reason: Reason) -> str:
        maker = self.makers.get(reason.artifact or 0)
        verb = "found" if giver.is_resolver else "reused"
        return f"it {verb} the {reason.input} of run {maker.run if maker else 'unknown'}"


def _why(execution: Execution, found: _Found, now: datetime) -> Why:
    if execution.is_resolver:
        return _looked_up(execution, found)
    if execution.state == CACHED:
        return _reused(execution, found, now)
    reasons = found.reasons[execution.node]
    causes = [cause for cause in found.first_causes(execution.node) if cause.node != execution.node]
    since = found.since.get(execution.node)
    what = shortened_list(_clauses(reasons), "; ", most=3)
    compared = f" since run {since.run}" if since and reasons[0].kind != NOT_USABLE else ""
    return Why(
        execution.node,
        execution.state,
        f"{what}{compared}.{_first_causes(causes)}",
        reasons,
        tuple(causes),
        since.run if since else "",
        what,
    )


def _first_causes(causes: Sequence[Cause]) -> str:
    if not causes:
        return ""
    by_node: dict[str, list[str]] = {}
    for cause in causes:
        by_node.setdefault(cause.node, []).append(cause.text)
    first = [f"{node}: {shortened_list(texts, ', ', most=2)}" for node, texts in by_node.items()]
    return f" First cause: {shortened_list(first, '; ', most=3)}."


def _clauses(reasons: Sequence[Reason]) -> list[str]:
    """Returns what the reasons say; inputs of which the same is to be said together."""
    inputs: dict[str, list[str]] = {}
    for reason in reasons:
        if reason.is_of_input:
            inputs.setdefault(reason.text, []).append(reason.input)
    own = [reason.text for reason in reasons if not reason.is_of_input]
    return own + [f"{shortened_list(names, most=3)}: {text}" for text, names in inputs.items()]


def _reused(execution: Execution, found: _Found, now: datetime) -> Why:
    makers = [found.makers[number] for number in execution.output_ids if number in found.makers]
    missing = [
        found.artifacts[number].type
        for number in execution.output_ids
        if number in found.artifacts and is_missing(found.artifacts[number])
    ]
    since = makers[0].run if makers else ""
    age = f"{_age(now - makers[0].started)} old; " if makers else ""
    files = (
        f"its files are gone from disk: {', '.join(missing)}" if missing else "its files are there"
    )
    where = f"from run {since}, {age}" if since else "from a run that is not in the store; "
    text = f"reused {where}{files}"
    return Why(
        execution.node,
        execution.state,
        f"{text}.",
        (Reason(REUSED, text),),
        since=since,
        what=f"{age}{files}",
    )


def _looked_up(execution: Execution, found: _Found) -> Why:
    # What this run made is handed to a resolver only to be told from the others.
    others = {found.makers[n].run for n in execution.output_ids if n in found.makers}
    runs = sorted(others - {execution.run})
    what = f"it found that of run {', '.join(runs)}" if runs else "it found none of another run"
    text = f"a resolver looks up its result in every run; {what}"
    return Why(execution.node, execution.state, f"{text}.", (Reason(LOOKED_UP, text),), what=text)


def _earlier(history: History, executions: Sequence[Execution]) -> dict[int, list[Execution]]:
    """Returns what each execution can be compared with; if there is nothing, what failed."""
    found = history.earlier(executions, _MOST_EARLIER)
    without = [one for one in executions if not found[one.id]]
    found |= history.earlier(without, _MOST_EARLIER, other_pipelines=True)
    without = [one for one in without if not found[one.id]]
    return found | history.earlier(without, 1, executed=False)


@dataclass(frozen=True)
class _Comparison:
    """Compares an execution with earlier ones.

    Attributes:
        history: the store.
        execution: that is explained.
        artifacts: inputs and outputs of all that are compared, by id.
        digests: of the content of inputs, by id, where it is recorded.
    """

    history: History
    execution: Execution
    artifacts: Mapping[int, Artifact]
    digests: Mapping[int, str]

    def nearest(
        self, candidates: Sequence[Execution]
    ) -> tuple[tuple[Reason, ...], Execution | None]:
        """Returns the fewest reasons, and the execution they are told from; the newest first."""
        succeeded = [one for one in candidates if one.state == EXECUTED]
        key = self.execution.cache_key
        same = next((one for one in succeeded if key and one.cache_key == key), None)
        if same:
            return (self._not_used(same),), same
        if not succeeded:
            return (_never(candidates),), None
        found = [(self._reasons(one), one) for one in succeeded]
        reasons, before = min(found, key=lambda pair: _weight(pair[0]))
        return reasons or (self._unknown(before),), before

    def _reasons(self, before: Execution) -> tuple[Reason, ...]:
        return (
            *self._of_names(before),
            *self._of_properties(before),
            *self._of_inputs(before),
        )

    def _of_names(self, before: Execution) -> list[Reason]:
        now = self.execution
        names = (
            ("the pipeline's name", before.pipeline, now.pipeline),
            ("the component's class", before.component, now.component),
            ("the executor", *(_class(one) for one in (before, now))),
        )
        found = [
            Reason(EXECUTOR, f"{what} changed from {old} to {new}")
            for what, old, new in names
            if old and new and old != new
        ]
        if not found and _differ(before, now, run_record.EXECUTOR):
            found = [Reason(EXECUTOR, "the executor's settings changed")]
        return found

    def _of_properties(self, before: Execution) -> list[Reason]:
        found = differences(before.properties, self.execution.properties)
        old, new = self._tfx_version(before), self._tfx_version(self.execution)
        if old and new and old != new:
            found.append(Difference(_TFX_VERSION, old, new))
        reasons = [self._of_property(difference, before) for difference in found]
        return [reason for reason in reasons if reason]

    def _tfx_version(self, execution: Execution) -> str:
        """Returns the version that wrote an execution's outputs, or an empty text."""
        outputs = (self.artifacts.get(number) for number in execution.output_ids)
        versions = (one.properties.get(_TFX_VERSION) for one in outputs if one)
        return ", ".join(sorted({str(version) for version in versions if version is not None}))

    def _of_property(self, difference: Difference, before: Execution) -> Reason | None:
        leaf = difference.key.rpartition(".")[2]
        if leaf == _CORRECTIONS and (text := corrections_sentence(difference)) is not None:
            return Reason(INPUT_CONTENT, text) if text else None
        if leaf == _FINGERPRINT:
            return Reason(INPUT_CONTENT, self._of_photos(before))
        if leaf == "code_digest":
            return Reason(CODE, "its code changed")
        return Reason(CODE if leaf in _CODE_KEYS else PROPERTY, difference.sentence)

    def _of_photos(self, before: Execution) -> str:
        old, new = (photos_of(self.history, one) for one in (before, self.execution))
        counts = photo_changes(old, new).sentence if old is not None and new is not None else ""
        text = "the files of the data folder changed"
        return f"{text} ({counts})" if counts else text

    def _of_inputs(self, before: Execution) -> list[Reason]:
        now = self.execution
        reasons = []
        for key in sorted(before.inputs.keys() | now.inputs.keys()):
            old, new = before.inputs.get(key, ()), now.inputs.get(key, ())
            if old != new:
                reasons.append(self._of_input(key, old, new, before))
            else:
                reasons += [
                    Reason(INPUT_ID, f"the entry of {key} (artifact {number}) was changed", key)
                    for number in new
                    if (artifact := self.artifacts.get(number))
                    and before.started < artifact.changed < now.started
                ]
        return reasons

    def _of_input(
        self, key: str, old: tuple[int, ...], new: tuple[int, ...], before: Execution
    ) -> Reason:
        if not new:
            return Reason(INPUT_CONTENT, f"{key} is not given any more", key)
        # One is followed up; more than one comes from the same component.
        artifact = next((number for number in new if number not in old), new[0])
        if is_to_be_made(artifact):
            return Reason(INPUT_ID, _TO_BE_MADE, key, artifact)
        if not old:
            return Reason(INPUT_CONTENT, "given for the first time", key, artifact)
        digests = [[self.digests.get(number) for number in ids] for ids in (old, new)]
        if None in (*digests[0], *digests[1]):
            return Reason(INPUT_CONTENT, _NOT_RECORDED, key, artifact)
        if digests[0] == digests[1]:
            surely = all(str(d).startswith(run_record.WHOLE_DIGEST) for d in digests[1])
            same = "the same content" if surely else "the same content as far as it was compared"
            return Reason(INPUT_ID, f"a new artifact with {same}", key, artifact)
        return Reason(INPUT_CONTENT, "other content", key, artifact)

    def _not_used(self, before: Execution) -> Reason:
        outputs = [self.artifacts[n] for n in before.output_ids if n in self.artifacts]
        unusable = [f"{one.type} is marked {one.state}" for one in outputs if one.state != LIVE]
        unusable += [f"the files of {one.type} are gone" for one in outputs if is_missing(one)]
        because = "; ".join(unusable) or "the cache was off, or its files were not there then"
        text = f"the result of run {before.run}, made of the same, could not be reused: {because}"
        return Reason(NOT_USABLE, text)

    def _unknown(self, before: Execution) -> Reason:
        recorded = all(run_record.EXECUTOR in one.record for one in (before, self.execution))
        text = "nothing that is recorded differs"
        why = "" if recorded else "; the executor, and the code of a module file, are not recorded"
        return Reason(EXECUTOR, f"{text}{why}")


def _weight(reasons: Sequence[Reason]) -> tuple[bool, int, int]:
    """Orders by how much differs: nothing last, as then what differs is not known."""
    content = sum(reason.kind != INPUT_ID for reason in reasons)
    return not reasons, content, len(reasons)


def _never(candidates: Sequence[Execution]) -> Reason:
    if not candidates:
        return Reason(NEVER_RAN, "it never ran before")
    last = candidates[0]
    ended = "failed" if last.state == FAILED else "did not come to its end"
    return Reason(NEVER_RAN, f"it never succeeded before, and {ended} in run {last.run}")


def _class(execution: Execution) -> str:
    return str(execution.record.get(run_record.EXECUTOR, "")).partition(" ")[0]


def _differ(before: Execution, now: Execution, name: str) -> bool:
    old, new = before.record.get(name), now.record.get(name)
    return old is not None and new is not None and old != new


def _age(age: timedelta) -> str:
    seconds = age.total_seconds()
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
