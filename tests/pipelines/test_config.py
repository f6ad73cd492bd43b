"""Tests of the configuration: its defaults, its sources, and what it says of mistakes."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.config import (
    WHERE_IT_RUNS,
    PipelineConfig,
    commented_yaml,
    keys,
    load_config,
    plain_yaml,
)
from schemas.errors import ConfigError

# What the tutorial does; where it says nothing, what the README promises.
TUTORIAL: dict[str, Any] = {
    "image.size": "auto",
    "split.eval_fraction": 0.2,
    "split.seed": 42,
    "augment.rotation": 20,
    "augment.width_shift": 0.2,
    "augment.height_shift": 0.2,
    "augment.horizontal_flip": True,
    "backbone.name": "MobileNetV2",
    "backbone.weights": "embedded",
    "head.units": 128,
    "head.dropout": 0.5,
    "frozen.epochs": 10,
    "frozen.learning_rate": 1e-4,
    "fine_tune.epochs": 10,
    "fine_tune.learning_rate": 1e-5,
    "fine_tune.from": 0.5,
    "train.batch_size": 32,
    "train.seed": 42,
}


def value_at(config: PipelineConfig, path: str) -> Any:
    """Returns the value of a key such as `fine_tune.from`."""
    return reduce(getattr, path.replace("from", "from_").split("."), config)


def write(folder: Path, text: str) -> Path:
    """Writes a configuration file."""
    file = folder / "pipeline.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path | None = None, *overrides: str) -> str:
    """Returns what a configuration is refused with."""
    with pytest.raises(ConfigError) as error:
        load_config(file, overrides)
    return str(error.value)


@pytest.mark.parametrize(("path", "value"), TUTORIAL.items(), ids=TUTORIAL)
def test_default_is_the_tutorials(path: str, value: Any) -> None:
    assert value_at(load_config(), path) == value


@pytest.mark.parametrize(
    ("overrides", "size"),
    [
        ((), 160),
        (("backbone.weights=imagenet",), 224),
        (("backbone.weights=none",), 224),
        (("backbone.weights=my.weights.h5",), 224),
        (("backbone.weights=imagenet", "backbone.name=InceptionV3"), 299),
        (("backbone.weights=imagenet", "image.size=96"), 96),
    ],
    ids=["embedded", "imagenet", "none", "file", "other backbone", "explicit"],
)
def test_image_size_follows_the_weights_unless_given(overrides: tuple[str, ...], size: int) -> None:
    assert load_config(None, overrides).image_size == size


def test_file_changes_its_keys_and_leaves_the_others(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "frozen:\n  epochs: 3\naugment: {rotation: 5}\n"))

    changed = {path for path in keys() if value_at(config, path) != value_at(load_config(), path)}
    assert changed == {"frozen.epochs", "augment.rotation"}
    assert (config.frozen.epochs, config.augment.rotation) == (3, 5)


def test_set_wins_over_the_file_and_the_last_set_over_the_first(tmp_path: Path) -> None:
    file = write(tmp_path, "frozen: {epochs: 3, learning_rate: 0.01}\n")

    config = load_config(file, ["frozen.epochs=4", "frozen.epochs=5"])

    assert (config.frozen.epochs, config.frozen.learning_rate) == (5, 0.01)


def test_from_is_set_by_its_name_in_yaml(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "fine_tune: {from: 0.25}")).fine_tune.from_ == 0.25
    assert load_config(None, ["fine_tune.from=0.75"]).fine_tune.from_ == 0.75


@pytest.mark.parametrize(
    ("written", "number"),
    [("1e-4", 1e-4), ("1E-4", 1e-4), ("5e-3", 5e-3), ("1.5e-3", 1.5e-3), (".002", 0.002)],
)
def test_scientific_notation_without_a_dot_is_a_number(
    tmp_path: Path, written: str, number: float
) -> None:
    file = write(tmp_path, f"frozen:\n  learning_rate: {written}\n")

    assert load_config(file).frozen.learning_rate == number
    assert load_config(None, [f"frozen.learning_rate={written}"]).frozen.learning_rate == number


@pytest.mark.parametrize("name", ["run-1e4", "nan", "infinity", "e5"])
def test_text_that_float_would_read_stays_text(name: str) -> None:
    assert load_config(None, [f"name={name}"]).name == name


def test_quoted_number_is_text() -> None:
    assert refusal(None, "frozen.epochs='3'") == (
        "Configuration: frozen.epochs = '3': input should be a valid integer."
    )


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "---\n"], ids=["empty", "comment", "dashes"]
)
def test_file_without_keys_gives_the_defaults(tmp_path: Path, text: str) -> None:
    assert load_config(write(tmp_path, text)) == PipelineConfig()


def test_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_config().head.units = 3


WRONG_VALUES = {
    "text for int": ("train.batch_size=many", "'many': input should be a valid integer"),
    "bool for int": ("frozen.epochs=true", "True: input should be a valid integer"),
    "float for int": ("frozen.epochs=3.0", "3.0: input should be a valid integer"),
    "list for int": ("head.units=[1, 2]", "[1, 2]: input should be a valid integer"),
    "nothing for int": ("train.batch_size=", "None: input should be a valid integer"),
    "date for int": (
        "train.seed=2026-01-01",
        "datetime.date(2026, 1, 1): input should be a valid integer",
    ),
    "bool for float": ("head.dropout=true", "True: input should be a valid number"),
    "text for float": ("split.eval_fraction=20%", "'20%': input should be a valid number"),
    "int for bool": ("augment.horizontal_flip=1", "1: input should be a valid boolean"),
    "text for bool": (
        "augment.horizontal_flip='true'",
        "'true': input should be a valid boolean",
    ),
    "int for text": ("backbone.weights=123", "123: input should be a valid string"),
    "number for backbone": ("backbone.name=3", "3: input should be a valid string"),
    "unknown optimizer": ("frozen.optimizer=sgd", "'sgd': input should be 'adam' or 'adamw'"),
    "int for auto or bool": (
        "train.mixed_precision=1",
        "1: input should be 'auto' or input should be a valid boolean",
    ),
    "no epochs": ("frozen.epochs=0", "0: input should be greater than or equal to 1"),
    "negative seed": ("train.seed=-1", "-1: input should be greater than or equal to 0"),
    "no batch": ("train.batch_size=0", "0: input should be greater than or equal to 1"),
    "zero rate": ("frozen.learning_rate=0", "0: input should be greater than 0"),
    "negative rate": ("fine_tune.learning_rate=-1e-4", "-0.0001: input should be greater than 0"),
    "infinite rate": ("frozen.learning_rate=.inf", "inf: input should be less than or equal to 1"),
    "all dropped": ("head.dropout=1", "1: input should be less than 1"),
    "no evaluation": (
        "split.eval_fraction=0",
        "0: input should be greater than or equal to 0.01",
    ),
    "no training": ("split.eval_fraction=1", "1: input should be less than or equal to 0.9"),
    "half a turn": ("augment.rotation=181", "181: input should be less than or equal to 180"),
    "percent": (
        "evaluate.thresholds.accuracy.min=80",
        "80: input should be less than or equal to 1",
    ),
    "number for section": (
        "split=3",
        "3: expected a section with the keys strategy, eval_fraction, seed",
    ),
    "empty weights": ("backbone.weights=''", "'': string should have at least 1 character"),
    "list for size": (
        "image.size=[160]",
        "[160]: input should be 'auto' or input should be a valid integer",
    ),
    "word for size": (
        "image.size=big",
        "'big': input should be 'auto' or input should be a valid integer",
    ),
    "word for GPUs": (
        "gpus=first",
        "'first': input should be 'all' or 'none' or input should be a valid list",
    ),
    "number for GPUs": (
        "gpus=0",
        "0: input should be 'all' or 'none' or input should be a valid list",
    ),
    "no GPU": (
        "gpus=[]",
        "[]: input should be 'all' or 'none' or list should have at least 1 item after "
        "validation, not 0",
    ),
    "negative GPU": (
        "gpus=[0, -1]",
        "-1: input should be 'all' or 'none' or input should be greater than or equal to 0",
    ),
    "GPU twice": ("gpus=[1, 1]", "[1, 1]: input should be 'all' or 'none' or name each GPU once"),
    "tiny size": (
        "image.size=16",
        "16: input should be 'auto' or input should be greater than or equal to 32",
    ),
}


@pytest.mark.parametrize(("override", "said"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_wrong_value_is_refused_with_key_value_and_what_is_allowed(
    override: str, said: str
) -> None:
    path = override.split("=", maxsplit=1)[0]

    assert refusal(None, override) == f"Configuration: {path} = {said}."


@pytest.mark.parametrize(
    "path",
    [
        *("split.eval_fraction", "augment.rotation", "augment.width_shift", "head.dropout"),
        *("frozen.learning_rate", "fine_tune.from", "evaluate.thresholds.accuracy.min"),
    ],
)
@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "-0.1"])
def test_no_number_is_nan_infinite_or_negative(path: str, value: str) -> None:
    assert refusal(None, f"{path}={value}").startswith(f"Configuration: {path} = ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ResNet5", "no model of keras.applications; did you mean ResNet50"),
        ("mobilenetv2", "no model of keras.applications; did you mean "),
        ("zzz", "no model of keras.applications"),
    ],
)
def test_unknown_backbone_names_the_nearest(name: str, said: str) -> None:
    message = refusal(None, f"backbone.name={name}")

    assert message.startswith(f"Configuration: backbone.name = {name!r}: {said}")


@pytest.mark.parametrize("start", [0, 0.25, 3, "all", "none", "block_13_expand"])
def test_fine_tuning_starts_at_a_share_a_number_of_blocks_or_a_layer(start: object) -> None:
    assert load_config(None, [f"fine_tune.from={start}"]).fine_tune.from_ == start


@pytest.mark.parametrize("path", ["split.seed", "train.seed"])
def test_seed_too_large_for_the_libraries_is_refused(path: str) -> None:
    """NumPy takes 32 bits and ML Metadata 64: beyond them a run would fail in the middle."""
    seed = 2**64
    said = f"Configuration: {path} = {seed}: input should be less than or equal to "

    assert refusal(None, f"{path}={seed}").startswith(said)


@pytest.mark.parametrize(
    "name", ["Photos", "my photos", "photos_2", "2photos", "photos-", "'a\\n'", "a" * 64, "../x"]
)
def test_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    assert refusal(None, f"name={name}").startswith("Configuration: name = ")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("frozen.epoch=3", "unknown key frozen.epoch; did you mean frozen.epochs?"),
        ("frozn.epochs=3", "unknown key frozn; did you mean frozen.epochs?"),
        ("batch_size=3", "unknown key batch_size; did you mean train.batch_size?"),
        ("learning_rate=1", "unknown key learning_rate; did you mean frozen.learning_rate?"),
    ],
)
def test_unknown_key_names_the_nearest(override: str, said: str) -> None:
    assert refusal(None, override).removesuffix(".") == f"Configuration: {said}"


def test_unknown_key_like_no_other_lists_the_keys() -> None:
    assert refusal(None, "zzz=1") == (
        "Configuration: unknown key zzz; the keys are "
        + ", ".join(list(keys())[:10])
        + f", and {len(list(keys())) - 10} more."
    )


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("frozen.epochs", "is not of the form key=value, such as frozen.epochs=5"),
        ("=3", "is not of the form key=value, such as frozen.epochs=5"),
        ("", "is not of the form key=value, such as frozen.epochs=5"),
        ("frozen.epochs=[1", "the value is not valid YAML"),
        ("head.units=!!python/name:os.system", "the value is not valid YAML"),
    ],
    ids=["no value", "no key", "nothing", "half a list", "code"],
)
def test_malformed_set_is_quoted(override: str, said: str) -> None:
    message = refusal(None, override)

    assert message.startswith(f"Configuration: --set {override!r}")
    assert message.endswith(f" {said}.")


def test_set_below_a_value_says_what_is_no_section() -> None:
    assert refusal(None, "frozen.epochs=3", "frozen.epochs.x=4") == (
        "Configuration: --set 'frozen.epochs.x=4': epochs is not a section."
    )


def test_all_problems_of_file_and_sets_come_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "head: {dropout: 2, unit: 5}\nfrozen: {epochs: many}\n")

    message = refusal(file, "train.batch_size=0", "nonsense", "split.eval_fraction=-1")

    start = f"Configuration in {file} or --set: "
    assert message.startswith(start)
    assert set(message.removeprefix(start).removesuffix(".").split("; ")) == {
        "--set 'nonsense' is not of the form key=value, such as frozen.epochs=5",
        "split.eval_fraction = -1: input should be greater than or equal to 0.01",
        "head.dropout = 2: input should be less than 1",
        "unknown key head.unit",
        "did you mean head.units?",
        "frozen.epochs = 'many': input should be a valid integer",
        "train.batch_size = 0: input should be greater than or equal to 1",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("frozen: [1\nhead: 2", ", line 2: expected ',' or ']', but got ':'; correct the YAML."),
        ("a: b: c", ", line 1: mapping values are not allowed here; correct the YAML."),
        (
            "name: x\n\thead: 1",
            ", line 2: found character '\\t' that cannot start any token; correct the YAML.",
        ),
        (
            "!!python/object/apply:os.abort []",
            ", line 1: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/object/apply:os.abort'; correct the YAML.",
        ),
        ("? [a]\n: 2", ", line 1: found unhashable key; correct the YAML."),
        ("a: 1\n\0\1", ", line 2: special characters are not allowed; correct the YAML."),
    ],
    ids=["bracket", "colons", "tab", "code", "list as key", "control characters"],
)
def test_file_that_is_no_yaml_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    file = write(tmp_path, text)

    assert refusal(file) == f"{file}{said}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("- frozen\n- head\n", "list"), ("just words", "str"), ("3", "int")],
    ids=["list", "text", "number"],
)
def test_file_without_a_mapping_is_refused(tmp_path: Path, text: str, kind: str) -> None:
    file = write(tmp_path, text)

    assert refusal(file) == (
        f"{file} holds a {kind}, not keys with values; `warmstart init DIR` writes an example."
    )


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"

    assert refusal(missing) == (
        f"Cannot read the configuration {missing}: No such file or directory."
    )
    assert refusal(tmp_path) == f"Cannot read the configuration {tmp_path}: it is a folder."


def test_binary_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0")

    assert refusal(file) == f"Cannot read the configuration {file}: not UTF-8 text."


@pytest.mark.parametrize(
    ("overrides", "instead"),
    [
        (("backbone.name=ResNet50",), "ResNet50 at 160"),
        (("backbone.name=EfficientNetB0", "image.size=224"), "EfficientNetB0 at 224"),
        (("image.size=224",), "MobileNetV2 at 224"),
    ],
    ids=["other backbone", "other backbone and size", "other size"],
)
def test_embedded_weights_fit_one_backbone_at_one_size(
    overrides: tuple[str, ...], instead: str
) -> None:
    assert refusal(None, *overrides) == (
        "Configuration: backbone.weights = embedded are those of MobileNetV2 at 160 pixels, not "
        f"of {instead}; set backbone.weights to imagenet, none or a .weights.h5 file."
    )


def test_commented_yaml_loads_back_to_what_it_was_written_from(tmp_path: Path) -> None:
    changed = load_config(None, ["fine_tune.from=0.1", "frozen.learning_rate=1e-7", "gpus=[2, 0]"])

    for config in (PipelineConfig(), changed):
        assert load_config(write(tmp_path, commented_yaml(config))) == config


def test_commented_yaml_without_a_key_has_all_others() -> None:
    changed = load_config(None, ["gpus=[1]", "head.units=7"])

    written = yaml.safe_load(commented_yaml(changed, without=WHERE_IT_RUNS))

    assert written == {
        key: value
        for key, value in yaml.safe_load(commented_yaml(changed)).items()
        if key not in WHERE_IT_RUNS
    }


def test_commented_yaml_explains_every_key() -> None:
    lines = commented_yaml(PipelineConfig()).splitlines()

    explained = [line.split(":")[0].strip() for line in lines if "  # " in line]
    sections = {section for path in keys() for section in path.split(".")[:-1]}
    assert sorted(explained) == sorted([*(path.split(".")[-1] for path in keys()), *sections])


def test_sections_that_say_where_it_runs_can_be_left_out() -> None:
    elsewhere = load_config(None, ["engine.name=local-processes", "engine.workers=3"])

    for as_yaml in (commented_yaml, plain_yaml):
        left = yaml.safe_load(as_yaml(elsewhere, without=WHERE_IT_RUNS))
        assert left == yaml.safe_load(as_yaml(PipelineConfig(), without=WHERE_IT_RUNS))
        assert left.keys() == PipelineConfig.model_fields.keys() - WHERE_IT_RUNS


@pytest.mark.parametrize("path", list(keys()))
def test_every_key_can_be_set(path: str) -> None:
    *sections, key = path.split(".")
    section = value_at(PipelineConfig(), ".".join(sections)) if sections else PipelineConfig()
    default = yaml.safe_dump(section.model_dump(by_alias=True)[key])

    assert load_config(None, [f"{path}={default}"]) == PipelineConfig()


@pytest.mark.parametrize(
    ("asked", "splits", "split"),
    [
        ("auto", ("train", "eval"), "eval"),
        ("auto", ("train", "eval", "test"), "test"),
        ("eval", ("train", "eval", "test"), "eval"),
        ("test", ("train", "eval", "test"), "test"),
    ],
)
def test_split_that_decides_is_the_test_split_if_there_is_one(
    asked: str, splits: tuple[str, ...], split: str
) -> None:
    config = load_config(None, [f"evaluate.split={asked}"])

    assert config.with_splits(splits).evaluate.split == split


def test_test_split_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, ["evaluate.split=test"]).with_splits(("train", "eval"))
    assert str(error.value) == (
        "Configuration: evaluate.split = test, but the data has no test split; put photos into "
        "test/ beside train/ and val/, or set it to auto."
    )
