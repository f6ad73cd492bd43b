"""The one typed configuration of a pipeline, built from defaults, a YAML file and `--set`.

Importing this module reads no file, variable or network and needs no TensorFlow, so that
mistakes are reported at once.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from components.backbone.cache import EMBEDDED_BACKBONE, EMBEDDED_IMAGE_SIZE
from components.backbone.registry import BACKBONES
from components.backbone.weights import EMBEDDED
from components.dataset.options import MAX_BAD_FRACTION, MAX_PIXELS, SurveyOptions
from pipelines.config_section import Section
from pipelines.engines.config import EngineConfig
from pipelines.kubeflow.config import KubeflowConfig
from schemas import features
from schemas.errors import ConfigError, printable, shortened_list

# The section that no run on this machine reads.
KUBEFLOW = "kubeflow"

# Where a run takes place, and nothing about what comes out: these keys and sections are in no cache
# key, and no report.
WHERE_IT_RUNS = frozenset({"engine", "gpus", KUBEFLOW})


def _known_backbone(name: str) -> str:
    if name in BACKBONES:
        return name
    near = difflib.get_close_matches(name, BACKBONES, n=3, cutoff=0.4)
    hint = f"; did you mean {' or '.join(near)}" if near else ""
    raise ValueError(f"no model of keras.applications{hint}")


class DataConfig(Section):
    """Which files of the data folder are used; the others are set aside, and listed."""

    max_pixels: int = Field(
        MAX_PIXELS, ge=1, le=10**9, description="Width times height of a photo, at most."
    )
    max_bad_fraction: float = Field(
        MAX_BAD_FRACTION,
        ge=0,
        lt=1,
        description="Share of files set aside above which the run stops.",
    )
    duplicates: Literal["near", "exact"] = Field(
        "near",
        description=(
            "What counts as the same picture: near: also if resized, recompressed or slightly"
            " cropped; exact: equal files only."
        ),
    )
    label_conflicts: Literal["leave_out", "keep"] = Field(
        "leave_out", description="What becomes of a picture under two labels: leave_out or keep."
    )


class SplitConfig(Section):
    """How photos are divided into training and evaluation, where the data does not say so."""

    strategy: Literal["hashed", "stratified"] = Field(
        "hashed",
        description=(
            "hashed: photos stay where they are when others are added; stratified: the same"
            " share of each class, but photos may move."
        ),
    )
    eval_fraction: float = Field(
        0.2, ge=0.01, le=0.9, description="Share of the photos kept for evaluation."
    )
    seed: int = Field(42, ge=0, le=2**63 - 1, description="Another seed gives another division.")


class SkewConfig(Section):
    """Evaluation photos against training photos."""

    max_distance: float = Field(
        0.1,
        ge=0,
        le=1,
        description=(
            "Jensen-Shannon divergence above which a difference that is no chance is reported,"
            " 0 (alike) to 1 (nothing in common)."
        ),
    )


class DriftConfig(Section):
    """Training photos against those of the latest run on other photos."""

    max_distance: float = Field(0.1, ge=0, le=1, description="As that of skew.")


class StatisticsConfig(Section):
    """When a difference in size, brightness, labels and so on is worth a note; no run stops."""

    skew: SkewConfig = SkewConfig()
    drift: DriftConfig = DriftConfig()


class ImageConfig(Section):
    """What the model sees of a photo."""

    size: Literal["auto"] | Annotated[int, Field(ge=32, le=1024)] = Field(
        "auto",
        description="Pixels on each side; auto is the backbone's own, 160 with embedded weights.",
    )


class AugmentConfig(Section):
    """Random changes to each training photo; evaluation and serving never change a photo."""

    rotation: float = Field(20.0, ge=0, le=180, description="At most this many degrees each way.")
    width_shift: float = Field(0.2, ge=0, le=1, description="At most this share of the width.")
    height_shift: float = Field(0.2, ge=0, le=1, description="At most this share of the height.")
    horizontal_flip: bool = Field(True, description="Mirror every second photo.")


class BackboneConfig(Section):
    """The pretrained network under the head."""

    name: Annotated[str, AfterValidator(_known_backbone)] = Field(
        "MobileNetV2",
        description="A model of keras.applications; `warmstart backbones list` shows them.",
    )
    weights: str = Field(
        "embedded",
        min_length=1,
        description=(
            "embedded (ship with warmstart; MobileNetV2 at 160 pixels), imagenet (Keras downloads"
            " them), none (random: no transfer learning), or a .weights.h5 or .keras file."
        ),
    )


class HeadConfig(Section):
    """The layers on top of the backbone, trained from scratch."""

    units: int = Field(128, ge=1, le=65536, description="Width of the dense layer.")
    dropout: float = Field(0.5, ge=0, lt=1, description="Share of the units dropped in training.")


class EmbedConfig(Section):
    """What is computed once, because the frozen part of the backbone never changes."""

    views: Literal["auto"] | Annotated[int, Field(ge=0, le=99)] = Field(
        "auto",
        description=(
            "Changed views of each training photo; auto is 3, or 7 under 256 photos, 15 under 128."
        ),
    )
    max_disk_gb: float = Field(
        10.0,
        ge=0,
        description="Most that activations for stage 2 may take; above it they are recomputed.",
    )


class FrozenConfig(Section):
    """Stage 1: the head learns from every view, the backbone stays as it is."""

    epochs: int = Field(10, ge=1, le=10000, description="Passes over all views of all photos.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="At the beginning.")
    optimizer: Literal["adam", "adamw"] = Field("adam", description="adam or adamw.")
    schedule: Literal["constant", "cosine"] = Field("constant", description="constant or cosine.")


class FineTuneConfig(Section):
    """Stage 2: the upper layers of the backbone learn too, slowly."""

    epochs: int = Field(
        10, ge=0, le=10000, description="Passes over the photos, in the views by turns; 0: none."
    )
    learning_rate: float = Field(1e-5, gt=0, le=1, description="At the beginning.")
    optimizer: Literal["adam", "adamw"] = Field("adam", description="adam or adamw.")
    schedule: Literal["constant", "cosine"] = Field("constant", description="constant or cosine.")
    from_: (
        Annotated[float, Field(ge=0, lt=1)]
        | Annotated[int, Field(ge=1)]
        | Annotated[str, Field(min_length=1)]
    ) = Field(
        0.5,
        alias="from",
        description=(
            "Where learning starts: the share of layers that stay frozen (0.5), how many blocks"
            " learn (3), the first layer that learns (block_13_expand), all, or none."
        ),
    )


class TrainConfig(Section):
    """Training, both stages."""

    batch_size: int = Field(32, ge=1, le=4096, description="Photos in one step.")
    seed: int = Field(
        42, ge=0, le=2**32 - 1, description="Of weights, order, augmentation and dropout."
    )
    class_weights: Literal["auto", "none"] = Field(
        "auto", description="auto: every class counts the same, however many photos it has."
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of certainty spread over all classes."
    )
    early_stopping: int = Field(
        5, ge=0, le=10000, description="Epochs without a better one that end a stage; 0: never."
    )
    histogram_freq: int = Field(
        0, ge=0, description="Epochs between histograms of weights and gradient norms; 0: none."
    )
    mixed_precision: Literal["auto"] | bool = Field(
        "auto", description="auto, true or false; auto where GPUs have tensor cores."
    )
    deterministic: bool = Field(
        True, description="Equal seeds give equal results; slower on some GPUs."
    )


_Share = Annotated[float, Field(ge=0, le=1)]
_Change = Annotated[float, Field(ge=-1, le=1)]


class AccuracyThreshold(Section):
    """The share of photos that were recognised."""

    min: _Share | None = Field(0.8, description="Lowest that is blessed; null: any.")
    max_drop: _Change | None = Field(
        0.01,
        description=(
            "How far it may fall below that of the latest blessed model on the same photos;"
            " negative: how much better it must be; null: not compared."
        ),
    )


class BalancedAccuracyThreshold(Section):
    """The same as a mean over the classes, however many photos each has."""

    min: _Share | None = Field(None, description="As that of accuracy.")
    max_drop: _Change | None = Field(None, description="As that of accuracy.")


class AucThreshold(Section):
    """Area under the ROC curve of each class against the others, as a mean."""

    min: _Share | None = Field(None, description="As that of accuracy.")
    max_drop: _Change | None = Field(None, description="As that of accuracy.")


class LogLossThreshold(Section):
    """Mean of -ln(probability of the right class)."""

    max: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Highest that is blessed; null: any."
    )
    max_rise: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="How far it may rise above that of the latest blessed model."
    )


class CalibrationErrorThreshold(Section):
    """How far from the truth the model's confidence is: 0.1 is ten points on average."""

    max: _Share | None = Field(None, description="Highest that is blessed; null: any.")
    max_rise: _Change | None = Field(
        None, description="How far it may rise above that of the latest blessed model."
    )


class SliceThreshold(Section):
    """Accuracy of each class and of each slice of the photos, so that none is given up."""

    min: _Share | None = Field(0.5, description="Lowest that is blessed; null: any.")
    max_drop: _Change | None = Field(None, description="As that of accuracy.")
    min_photos: int = Field(10, ge=1, description="Smaller slices are shown, but decide nothing.")


class ThresholdsConfig(Section):
    """What a model must reach to be blessed, by metric."""

    accuracy: AccuracyThreshold = AccuracyThreshold()
    balanced_accuracy: BalancedAccuracyThreshold = BalancedAccuracyThreshold()
    auc: AucThreshold = AucThreshold()
    log_loss: LogLossThreshold = LogLossThreshold()
    expected_calibration_error: CalibrationErrorThreshold = CalibrationErrorThreshold()
    slices: SliceThreshold = SliceThreshold()


class EvaluateConfig(Section):
    """When a trained model is good enough to be pushed."""

    split: Literal["auto", "eval", "test"] = Field(
        "auto",
        description=(
            "The photos that decide: eval, which also chose between the stages, or test; auto is"
            " test where the data has one, else eval."
        ),
    )
    slices: list[Literal["brightness", "size", "aspect", "folder"]] = Field(
        ["brightness", "size", "aspect", "folder"],
        description="By what the photos are told apart, beside their classes.",
    )
    thresholds: ThresholdsConfig = ThresholdsConfig()


class PushConfig(Section):
    """Where models are served from."""

    keep: int = Field(
        5, ge=1, le=10000, description="Versions that stay after a push; the oldest are removed."
    )


def _each_once(numbers: list[int]) -> list[int]:
    if len(set(numbers)) < len(numbers):
        raise ValueError("name each GPU once")
    return numbers


class PipelineConfig(Section):
    """Everything that decides what a run does, apart from the photos and the output folder."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")] = Field(
        "warmstart",
        description="Of the pipeline: lower-case letters, digits and hyphens, at most 63.",
    )
    gpus: (
        Literal["all", "none"]
        | Annotated[
            list[Annotated[int, Field(ge=0)]], Field(min_length=1), AfterValidator(_each_once)
        ]
    ) = Field(
        "all",
        description=(
            "all, none, or a list of numbers such as [0, 1], as nvidia-smi counts; another choice"
            " computes nothing again."
        ),
    )
    data: DataConfig = DataConfig()
    split: SplitConfig = SplitConfig()
    statistics: StatisticsConfig = StatisticsConfig()
    image: ImageConfig = ImageConfig()
    augment: AugmentConfig = AugmentConfig()
    backbone: BackboneConfig = BackboneConfig()
    head: HeadConfig = HeadConfig()
    embed: EmbedConfig = EmbedConfig()
    frozen: FrozenConfig = FrozenConfig()
    fine_tune: FineTuneConfig = FineTuneConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    push: PushConfig = PushConfig()
    engine: EngineConfig = EngineConfig()
    kubeflow: KubeflowConfig = KubeflowConfig()

    @property
    def survey_options(self) -> SurveyOptions:
        """What decides which photos are used, and in which split."""
        return SurveyOptions(**self.data.model_dump(), **self.split.model_dump())

    def with_splits(self, splits: Collection[str]) -> PipelineConfig:
        """Returns the configuration with `evaluate.split` resolved.

        Args:
            splits: of the data.

        Raises:
            ConfigError: if the split to evaluate with is none of them.
        """
        auto = features.TEST if features.TEST in splits else features.EVAL
        split = auto if self.evaluate.split == "auto" else self.evaluate.split
        if split not in splits:
            raise ConfigError(
                "Configuration: evaluate.split = test, but the data has no test split; put photos "
                "into test/ beside train/ and val/, or set it to auto."
            )
        return self.model_copy(
            update={"evaluate": self.evaluate.model_copy(update={"split": split})}
        )

    @property
    def resolved(self) -> PipelineConfig:
        """The same, with what `auto` means for the size of the image."""
        image = self.image.model_copy(update={"size": self.image_size})
        return self.model_copy(update={"image": image})

    @property
    def image_size(self) -> int:
        """Pixels on each side of what the model sees, with `auto` resolved."""
        if self.image.size != "auto":
            return self.image.size
        if self.backbone.weights == EMBEDDED:
            return EMBEDDED_IMAGE_SIZE
        return BACKBONES[self.backbone.name].image_size


def load_config(file: Path | None = None, overrides: Sequence[str] = ()) -> PipelineConfig:
    """Builds the configuration: defaults, then the YAML file, then each `a.b=c` in order.

    Args:
        file: a YAML file that holds some or all of the keys.
        overrides: for example `fine_tune.epochs=3` or `backbone.weights=none`; the value is
            read as YAML, so `true`, `0.5`, `[1, 2]` and `text` all work.

    Raises:
        ConfigError: one message that lists everything wrong, each with the path of its key.
    """
    values = _read_yaml(file) if file else {}
    # A section whose keys are all commented out is YAML's null.
    values = {key: value for key, value in values.items() if value is not None}
    problems: list[str] = []
    for override in overrides:
        problem = _apply_override(values, override)
        if problem:
            problems.append(problem)
    try:
        config = PipelineConfig.model_validate(values)
    except ValidationError as error:
        problems.extend(_sentences(error.errors()))
    if problems:
        source = f" in {file} or --set" if file else ""
        text = "; ".join(problems)
        raise ConfigError(f"Configuration{source}: {text if text[-1] == '?' else text + '.'}")
    _check_embedded_weights(config)
    return config


def keys(section: type[BaseModel] = PipelineConfig, prefix: str = "") -> Iterator[str]:
    """Yields the path of every key, such as `fine_tune.learning_rate`."""
    for name, field in _fields(section):
        inner: Any = field.annotation
        if _is_section(inner):
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def commented_yaml(config: PipelineConfig, *, without: Collection[str] = ()) -> str:
    """Returns the configuration as YAML, every key with its meaning as a comment.

    Args:
        config: what to write.
        without: keys and sections at the top that are left out, such as `WHERE_IT_RUNS`.
    """
    return "\n".join(_commented_lines(config, indent=0, without=without)) + "\n"


def plain_yaml(config: PipelineConfig, *, without: Collection[str] = ()) -> str:
    """Returns the configuration as YAML, the keys and values only; `without` as above."""
    values = config.model_dump(mode="json", by_alias=True, exclude=set(without))
    return yaml.safe_dump(values, sort_keys=False)


def _commented_lines(
    section: BaseModel, indent: int, *, without: Collection[str] = ()
) -> Iterator[str]:
    margin = "  " * indent
    plain = section.model_dump(mode="json", by_alias=True)
    for (name, field), attribute in zip(
        _fields(type(section)), type(section).model_fields, strict=True
    ):
        value = getattr(section, attribute)
        if name in without:
            continue
        if isinstance(value, BaseModel):
            if indent == 0:
                yield ""
            yield f"{margin}{name}:  # {(type(value).__doc__ or '').strip()}"
            yield from _commented_lines(value, indent + 1)
        else:
            one_line = yaml.safe_dump(plain[name], default_flow_style=True, width=math.inf)
            written = one_line.removesuffix("\n").removesuffix("\n...")
            yield f"{margin}{name}: {written}  # {field.description}"


def _fields(section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield field.alias or name, field


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads `1e-4` as text for want of a dot; people mean the number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _parse_yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError) as error:
        # PyYAML lets these through, of `0x_`, `2026-13-45`, `!!bool maybe`, a thousand brackets.
        raise yaml.YAMLError from error


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        values = _parse_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(f"Cannot read the configuration {file}: {reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "not valid YAML"
        raise ConfigError(f"{file}{where}: {what}; correct the YAML.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(
            f"{file} holds a {type(values).__name__}, not keys with values; "
            "`warmstart init DIR` writes an example."
        )
    return values


def _apply_override(values: dict[str, Any], override: str) -> str | None:
    """Sets one `a.b=c` in `values`; returns what is wrong with it, if anything."""
    path, equals, text = override.partition("=")
    if not equals or not path:
        return f"--set {override!r} is not of the form key=value, such as frozen.epochs=5"
    try:
        value = _parse_yaml(text)
    except yaml.YAMLError:
        return f"--set {override!r}: the value is not valid YAML"
    *sections, key = path.split(".")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            return f"--set {override!r}: {printable(section)} is not a section"
    target[key] = value
    return None


def _sentences(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """Turns pydantic's errors into one each for a key: path, what came, what is allowed."""
    allowed: dict[str, list[str]] = {}
    received: dict[str, Any] = {}
    for details in errors:
        path = ".".join(_drop_union_branches([str(part) for part in details["loc"]]))
        received[path] = details["input"]
        allowed.setdefault(path, []).append(_allowed(path, details))
    return [
        wanted[0]
        if wanted[0].startswith("unknown")
        else f"{printable(path)} = {received[path]!r}: {' or '.join(wanted)}"
        for path, wanted in allowed.items()
    ]


def _allowed(path: str, details: Mapping[str, Any]) -> str:
    if details["type"] == "extra_forbidden":
        return _unknown_key(path)
    section = _find(path)
    if _is_section(section):
        return f"expected a section with the keys {_names(section)}"
    message: str = details["msg"].removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _drop_union_branches(location: list[str]) -> list[str]:
    """Pydantic appends the branch of a union (`literal['auto']`, `int`) to the path."""
    known = set(keys())
    for length in range(1, len(location) + 1):
        path = ".".join(location[:length])
        if path in known:
            # Below a table, such as that of resources, names are the user's.
            return location if get_origin(_find(path)) is dict else location[:length]
    return location


def _find(path: str) -> Any:
    annotation: Any = PipelineConfig
    for part in path.split("."):
        if not _is_section(annotation):
            return None
        annotation = next((f.annotation for n, f in _fields(annotation) if n == part), None)
    return annotation


def _names(section: type[BaseModel]) -> str:
    return ", ".join(name for name, _ in _fields(section))


def _unknown_key(path: str) -> str:
    known = list(keys())
    nearest = difflib.get_close_matches(path, known, n=1, cutoff=0.5)
    name = printable(path)
    if nearest:
        return f"unknown key {name}; did you mean {nearest[0]}?"
    return f"unknown key {name}; the keys are {shortened_list(known)}"


def _check_embedded_weights(config: PipelineConfig) -> None:
    if config.backbone.weights != EMBEDDED:
        return
    if (config.backbone.name, config.image_size) != (EMBEDDED_BACKBONE, EMBEDDED_IMAGE_SIZE):
        raise ConfigError(
            f"Configuration: backbone.weights = embedded are those of {EMBEDDED_BACKBONE} at "
            f"{EMBEDDED_IMAGE_SIZE} pixels, not of {config.backbone.name} at "
            f"{config.image_size}; set backbone.weights to imagenet, none or a .weights.h5 file."
        )
