"""From a model down to each photo that it saw, and from a photo up to each model that saw it.

By what executions were given and made, not by runs: a model that a run took from the cache was
trained with what the run that made it was given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from review.answers import Answer, answer_to
from review.duplicates import duplicate_groups
from review.examples import ExampleSet, example_gen_behind, examples_behind
from review.history import History
from review.photos import Photo, photos_of
from review.records import Artifact, Execution
from schemas.features import TRAIN

_MODEL = "Model"
_PUSHED = "PushedModel"
_EVALUATION = "ModelEvaluation"
_BLESSING = "ModelBlessing"

_MODEL_INPUT = "model"
_EXAMPLES_INPUT = "examples"
_SPLIT = "split"

TRAINED_ON = "trained on"
# Neither trained on nor evaluated with: the best epoch and stage were chosen by it.
CHOSEN_BY = "chosen by"
EVALUATED_WITH = "evaluated with"


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a model.

    Attributes:
        artifact: the ModelEvaluation.
        examples: id of the Examples that it was asked about, or None.
        split: of these, or empty where that is not recorded.
        blessed: whether the model reached every threshold then, or None.
    """

    artifact: Artifact
    examples: int | None
    split: str
    blessed: bool | None


@dataclass(frozen=True)
class TrainedModel:
    """A model of a store.

    Attributes:
        artifact: the Model.
        trainer: the execution that made it.
        runs: names of those that made or reused it, the first one first.
        evaluations: of it, the oldest first.
        pushed_to: the folders of its versions.
    """

    artifact: Artifact
    trainer: Execution
    runs: tuple[str, ...]
    evaluations: tuple[Evaluation, ...]
    pushed_to: tuple[str, ...]

    @property
    def blessed(self) -> bool | None:
        """Whether it ever was; None if that was never asked."""
        answers = [one.blessed for one in self.evaluations if one.blessed is not None]
        return any(answers) if answers else None


@dataclass(frozen=True)
class ModelPhotos:
    """The photos behind a model.

    Attributes:
        model: itself.
        examples: the photos, each with its split, label and digest.
        groups: of those that show the same picture.
    """

    model: TrainedModel
    examples: ExampleSet
    groups: tuple[tuple[Photo, ...], ...]

    @property
    def trained_on(self) -> list[Photo]:
        """The photos that its weights were fitted to."""
        return self.examples.of_split(TRAIN)


@dataclass(frozen=True)
class Sighting:
    """A photo that a model saw.

    Attributes:
        model: which.
        photo: with the path, label and split that it had then.
        use: `trained on`, `evaluated with`, or `chosen by`.
        answer: what the model said of it, where it was evaluated with it and that is recorded.
    """

    model: TrainedModel
    photo: Photo
    use: str
    answer: Answer | None


def models_of(history: History) -> list[TrainedModel]:
    """Returns all models of a store, the oldest first; takes seconds where there are thousands."""
    executions = [one for one in history.all_executions() if not one.is_resolver]
    artifacts = {artifact.id: artifact for artifact in history.all_artifacts()}
    makers: dict[int, list[Execution]] = defaultdict(list)
    users: dict[int, list[Execution]] = defaultdict(list)
    for execution in sorted(executions, key=lambda one: one.id):
        for number in execution.output_ids:
            makers[number].append(execution)
        for number in execution.inputs.get(_MODEL_INPUT, ()):
            users[number].append(execution)
    return [
        TrainedModel(
            artifact=artifacts[number],
            trainer=made[0],
            runs=tuple(dict.fromkeys(one.run for one in made if one.run)),
            evaluations=_evaluations(users[number], artifacts),
            pushed_to=_places(users[number], artifacts),
        )
        for number, made in sorted(makers.items())
        if number in artifacts and artifacts[number].type == _MODEL
    ]


def photos_behind(
    history: History, artifact_id: int, models: Iterable[TrainedModel] | None = None
) -> ModelPhotos | None:
    """Goes from a model down to the photos that it was made from.

    Args:
        history: of the store.
        artifact_id: of a Model or a PushedModel.
        models: of the store, if they are known already.

    Returns:
        The photos; None where it is no model, or they are not recorded or gone.
    """
    number = _model_behind(history, artifact_id)
    model = next((m for m in models or models_of(history) if m.artifact.id == number), None)
    source = _training_examples(model)
    examples = examples_behind(history, source) if source is not None else None
    if model is None or source is None or examples is None:
        return None
    groups = duplicate_groups(history, example_gen_behind(history, source))
    return ModelPhotos(model, examples, tuple(groups))


def sightings(
    history: History, photo: str, models: Sequence[TrainedModel] | None = None
) -> list[Sighting]:
    """Goes from a photo up to each model that saw it, the oldest first.

    Args:
        history: of the store.
        photo: SHA-256 of its file in hex, or its path in the data folder.
        models: of the store, if they are known already.
    """
    known: dict[int, list[Photo]] = {}
    found: list[Sighting] = []
    for model in models_of(history) if models is None else models:
        trained = _training_examples(model)
        seen: dict[tuple[Photo, str], Answer | None] = {}
        for one in _matching(history, trained, photo, known):
            seen[one, TRAINED_ON if one.split == TRAIN else CHOSEN_BY] = None
        for evaluation in model.evaluations:
            for one in _matching(history, evaluation.examples, photo, known):
                if evaluation.split in {"", one.split}:
                    seen.pop((one, CHOSEN_BY), None)
                    # Of several evaluations the latest says what it says now.
                    answer = answer_to(history, evaluation.artifact, one)
                    if answer or evaluation.split:
                        seen[one, EVALUATED_WITH] = answer or seen.get((one, EVALUATED_WITH))
        found += [Sighting(model, one, use, answer) for (one, use), answer in seen.items()]
    return found


def _evaluations(
    users: Iterable[Execution], artifacts: Mapping[int, Artifact]
) -> tuple[Evaluation, ...]:
    found: dict[int, Evaluation] = {}
    for user in users:
        made = [artifacts[number] for number in user.output_ids if number in artifacts]
        blessing = next((one for one in made if one.type == _BLESSING), None)
        examples = user.inputs.get(_EXAMPLES_INPUT, ())
        for artifact in made:
            if artifact.type == _EVALUATION:
                found.setdefault(
                    artifact.id,
                    Evaluation(
                        artifact,
                        examples[0] if examples else None,
                        str(user.properties.get(_SPLIT, "")),
                        blessing.is_blessed if blessing else None,
                    ),
                )
    return tuple(found.values())


def _places(users: Iterable[Execution], artifacts: Mapping[int, Artifact]) -> tuple[str, ...]:
    pushed = (artifacts[n] for user in users for n in user.output_ids if n in artifacts)
    places = [one.destination for one in pushed if one.type == _PUSHED and one.is_pushed]
    return tuple(dict.fromkeys(filter(None, places)))


def _model_behind(history: History, artifact_id: int) -> int:
    """Returns the id of the model that was pushed, or of the artifact itself."""
    artifact = history.artifacts([artifact_id]).get(artifact_id)
    pusher = history.makers([artifact_id]).get(artifact_id)
    if artifact and artifact.type == _PUSHED and pusher and pusher.inputs.get(_MODEL_INPUT):
        return pusher.inputs[_MODEL_INPUT][0]
    return artifact_id


def _training_examples(model: TrainedModel | None) -> int | None:
    examples = model.trainer.inputs.get(_EXAMPLES_INPUT, ()) if model else ()
    return examples[0] if examples else None


def _matching(
    history: History, examples: int | None, photo: str, known: dict[int, list[Photo]]
) -> list[Photo]:
    """Returns the photos behind Examples that are meant; what was read is kept in `known`."""
    gen = example_gen_behind(history, examples) if examples is not None else None
    if gen is None:
        return []
    if gen.id not in known:
        photos = photos_of(history, gen) or ()
        known[gen.id] = [one for one in photos if photo and photo in {one.sha256, one.path}]
    return known[gen.id]
