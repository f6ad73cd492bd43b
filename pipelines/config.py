"""The one typed configuration of a pipeline, built from defaults, a YAML file and `--set`.

Importing this module reads no file, variable or network and needs no TensorFlow, so that
mistakes are reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from schemas.errors import ConfigError, shortened_list

# Size in pixels at which the embedded weights were trained, and the one most Keras backbones use.
_EMBEDDED_IMAGE_SIZE = 160
_DEFAULT_IMAGE_SIZE = 224


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, populate_by_name=True, strict=True
    )


class SplitConfig(_Section):
    """How photos are divided into training and evaluation."""

    eval_fraction: float = Field(
        0.2, ge=0.01, le=0.9, description="Share of the photos kept for evaluation."
    )
    seed: int = Field(42, ge=0, description="Another seed gives another division.")


class ImageConfig(_Section):
    """What the model sees of a photo."""

    size: Literal["auto"] | Annotated[int, Field(ge=32, le=1024)] = Field(
        "auto",
        description="Pixels on each side; auto is 160 with the embedded weights, else 224.",
    )


class AugmentConfig(_Section):
    """Random changes to each training photo; evaluation and serving never change a photo."""

    rotation: float = Field(20.0, ge=0, le=180, description="At most this many degrees each way.")
    width_shift: float = Field(0.2, ge=0, le=1, description="At most this share of the width.")
    height_shift: float = Field(0.2, ge=0, le=1, description="At most this share of the height.")
    horizontal_flip: bool = Field(True, description="Mirror every second photo.")


class BackboneConfig(_Section):
    """The pretrained network under the head."""

    name: Literal["MobileNetV2", "ResNet50", "EfficientNetB0"] = Field(
        "MobileNetV2", description="A model of keras.applications."
    )
    weights: str = Field(
        "embedded",
        min_length=1,
        description=(
            "embedded (ship with warmstart; MobileNetV2 at 160 pixels), imagenet (Keras downloads"
            " them), none (random: no transfer learning), or a .weights.h5 file."
        ),
    )


class HeadConfig(_Section):
    """The layers on top of the backbone, trained from scratch."""

    units: int = Field(128, ge=1, le=65536, description="Width of the dense layer.")
    dropout: float = Field(0.5, ge=0, lt=1, description="Share of the units dropped in training.")


class FrozenConfig(_Section):
    """Stage 1: the head learns, the backbone stays as it is."""

    epochs: int = Field(10, ge=1, le=10000, description="Passes over the training photos.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Of Adam.")


class FineTuneConfig(_Section):
    """Stage 2: the upper layers of the backbone learn too, slowly."""

    epochs: int = Field(10, ge=0, le=10000, description="Passes; 0 leaves stage 2 out.")
    learning_rate: float = Field(1e-5, gt=0, le=1, description="Of Adam.")
    from_: float = Field(
        0.5,
        alias="from",
        ge=0,
        lt=1,
        description="Share of the backbone's layers, from the input up, that stay frozen.",
    )


class TrainConfig(_Section):
    """Training, both stages."""

    batch_size: int = Field(32, ge=1, le=4096, description="Photos in one step.")
    seed: int = Field(42, ge=0, description="Of weights, order, augmentation and dropout.")


class AccuracyThreshold(_Section):
    """What a model must reach to be blessed."""

    min: float = Field(0.8, ge=0, le=1, description="Lowest accuracy on the evaluation photos.")
    max_drop: float = Field(
        0.01,
        ge=0,
        le=1,
        description="How far accuracy may fall below that of the latest blessed model.",
    )


class ThresholdsConfig(_Section):
    """Thresholds by metric."""

    accuracy: AccuracyThreshold = AccuracyThreshold()


class EvaluateConfig(_Section):
    """When a trained model is good enough to be pushed."""

    thresholds: ThresholdsConfig = ThresholdsConfig()


class PipelineConfig(_Section):
    """Everything that decides what a run does, apart from the photos and the output folder."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")] = Field(
        "warmstart",
        description="Of the pipeline: lower-case letters, digits and hyphens, at most 63.",
    )
    split: SplitConfig = SplitConfig()
    image: ImageConfig = ImageConfig()
    augment: AugmentConfig = AugmentConfig()
    backbone: BackboneConfig = BackboneConfig()
    head: HeadConfig = HeadConfig()
    frozen: FrozenConfig = FrozenConfig()
    fine_tune: FineTuneConfig = FineTuneConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()

    @property
    def image_size(self) -> int:
        """Pixels on each side of what the model sees, with `auto` resolved."""
        if self.image.size != "auto":
            return self.image.size
        embedded = self.backbone.weights == "embedded"
        return _EMBEDDED_IMAGE_SIZE if embedded else _DEFAULT_IMAGE_SIZE


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
    problems: list[str] = []
    for override in overrides:
        problem = _apply_override(values, override)
        if problem:
            problems.append(problem)
    try:
        config = PipelineConfig.model_validate(values)
    except ValidationError as error:
        problems.extend(_sentence(details) for details in error.errors())
    if problems:
        source = f" in {file} or --set" if file else ""
        raise ConfigError(f"Configuration{source}: " + "; ".join(problems) + ".")
    _check_embedded_weights(config)
    return config


def keys(section: type[BaseModel] = PipelineConfig, prefix: str = "") -> Iterator[str]:
    """Yields the path of every key, such as `fine_tune.learning_rate`."""
    for name, field in _fields(section):
        if _is_section(field.annotation):
            yield from keys(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def commented_yaml(config: PipelineConfig) -> str:
    """Returns the configuration as YAML, every key with its meaning as a comment."""
    return "\n".join(_commented_lines(config, indent=0)) + "\n"


def _commented_lines(section: BaseModel, indent: int) -> Iterator[str]:
    margin = "  " * indent
    for (name, field), attribute in zip(
        _fields(type(section)), type(section).model_fields, strict=True
    ):
        value = getattr(section, attribute)
        if isinstance(value, BaseModel):
            if indent == 0:
                yield ""
            yield f"{margin}{name}:  # {(type(value).__doc__ or '').strip()}"
            yield from _commented_lines(value, indent + 1)
        else:
            written = yaml.safe_dump(value).removesuffix("\n").removesuffix("\n...")
            yield f"{margin}{name}: {written}  # {field.description}"


def _fields(section: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        yield field.alias or name, field


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
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
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return f"--set {override!r}: the value is not valid YAML"
    *sections, key = path.split(".")
    target = values
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            return f"--set {override!r}: {section} is not a section"
    target[key] = _number(value)
    return None


def _number(value: Any) -> Any:
    """YAML 1.1 reads `1e-4` as text for want of a dot; people mean the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _sentence(details: Mapping[str, Any]) -> str:
    """Turns one pydantic error into: key path, what came, what is allowed."""
    location = [str(part) for part in details["loc"]]
    path = ".".join(_drop_union_branches(location))
    if details["type"] == "extra_forbidden":
        return _unknown_key(path)
    received = repr(details["input"])
    section = _find(path)
    if _is_section(section):
        return f"{path} = {received}: expected a section with the keys {_names(section)}"
    return f"{path} = {received}: {details['msg'][0].lower()}{details['msg'][1:]}"


def _drop_union_branches(location: list[str]) -> list[str]:
    """Pydantic appends the branch of a union (`literal['auto']`, `int`) to the path."""
    known = set(keys())
    for length in range(1, len(location) + 1):
        if ".".join(location[:length]) in known:
            return location[:length]
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
    if nearest:
        return f"unknown key {path}; did you mean {nearest[0]}?"
    return f"unknown key {path}; the keys are {shortened_list(known)}"


def _check_embedded_weights(config: PipelineConfig) -> None:
    if config.backbone.weights != "embedded":
        return
    if (config.backbone.name, config.image_size) != ("MobileNetV2", _EMBEDDED_IMAGE_SIZE):
        raise ConfigError(
            f"Configuration: backbone.weights = embedded are those of MobileNetV2 at "
            f"{_EMBEDDED_IMAGE_SIZE} pixels, not of {config.backbone.name} at "
            f"{config.image_size}; set backbone.weights to imagenet, none or a .weights.h5 file."
        )
