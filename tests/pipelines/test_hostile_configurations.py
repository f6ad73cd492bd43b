"""More than two hundred configurations that someone hostile, or something broken, could have made.

Each is refused with one sentence that names the key, or the line, and runs nothing.
"""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from pipelines.config import keys, load_config
from schemas.errors import ConfigError

# A sentence with more is not read by anyone.
LONGEST = 6000

# What no key takes, whatever it is.
NEVER = {
    "a list of lists": "[[1], [2]]",
    "a mapping": "{a: {b: c}}",
    "not a number": ".nan",
    "without end": "-.inf",
    "a date": "2024-02-30 25:61:61",
    "bytes": "!!binary aGVsbG8=",
    "a huge number": "0x" + "f" * 50,
    "below zero": "-9223372036854775809",
}


# Numbers with a point that may be as large as they like.
UNBOUNDED = {"embed.max_disk_gb"} | {
    f"evaluate.thresholds.log_loss.{key}" for key in ("max", "max_rise")
}


def wrong_values() -> Iterator[tuple[str, str]]:
    """Yields a YAML value for each key and kind, at its place in the sections."""
    for path in keys():
        *sections, key = path.split(".")
        for kind, value in NEVER.items():
            if kind in {"a huge number", "below zero"} and path in UNBOUNDED:
                continue
            text = ""
            for depth, section in enumerate(sections):
                text += f"{'  ' * depth}{section}:\n"
            yield f"{path}: {kind}", f"{text}{'  ' * len(sections)}{key}: {value}\n"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

# Text that is no configuration, with what of it is named.
TEXTS: dict[str, tuple[str | bytes, str]] = {
    "billion laughs": (BOMB, "line 2"),
    "billion merges": (MERGED, "line 2"),
    "itself": ("a: &a [*a]", "line 1"),
    "itself as a section": ("frozen: &f {epochs: *f}", "line 1"),
    "10,000 brackets": ("a: " + "[" * 10_000, "line 1"),
    "10,000 braces": ("a: " + "{a: " * 10_000, "line 1"),
    "10,000 sections": ("".join(f"{' ' * n}a:\n" for n in range(300)), "line 20"),
    "10,000 dashes": ("a:\n" + "- " * 10_000 + "x", "line 2"),
    "key twice": ("train:\n  seed: 1\n  seed: 2\n", "line 3"),
    "section twice": ("train: {seed: 1}\ntrain: {seed: 2}\n", "line 2"),
    "key twice in quotes": ("name: a\n'name': b\n", "line 2"),
    "NUL": ("name: a\0b", "line 1"),
    "escape codes": ("name: \x1b[2J", "line 1"),
    "UTF-16": ("name: a".encode("utf-16"), "UTF-8"),
    "UTF-32": ("name: a".encode("utf-32"), "UTF-8"),
    "Latin-1": ("name: \xe9".encode("latin-1"), "UTF-8"),
    "half of a pair": (b"name: \xed\xa0\x80", "UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "UTF-8"),
    "a pickle": (b"\x80\x04\x95\x10\x00", "UTF-8"),
    "a list": ("- name\n- train\n", "list"),
    "a number": ("3.5", "float"),
    "text": ("train", "str"),
    "a set": ("!!set {name}", "set"),
    "pairs": ("!!omap [name: a]", "list"),
    "two documents": ("name: a\n---\nname: b\n", "line 2"),
    "another version": ("%YAML 9.9\n---\nname: a\n", "line 1"),
    "tags of its own": ("%TAG ! tag:evil,2024:\n---\nname: !x y\n", "line 3"),
    "handle that is not there": ("name: !e!x y", "line 1"),
    "tab": ("train:\n\tseed: 1\n", "line 2"),
    "open quote": ("name: 'a", "line 1"),
    "10 MB of comments": ("#" * 10_000_000, "bytes"),
    "10 MB of keys": ("k: 1\n" * 2_000_000, "bytes"),
    "20,000 unknown keys": ("".join(f"k{n}: 1\n" for n in range(9_000)), "k0"),
    "a key of 90 kB": (f"? {'k' * 90_000}\n: 1\n", "kkk"),
    "a value of 90 kB": (f"name: {'v' * 90_000}\n", "name"),
    "5,000 digits": (f"train: {{seed: {'9' * 5000}}}", "line 1"),
    "50,000 hexadecimal digits": (f"train: {{seed: 0x{'f' * 50_000}}}", "line 1"),
    "50,000 digits behind the point": (f"train: {{seed: 0.{'1' * 50_000}}}", "line 1"),
    "sexagesimal": (f"train: {{seed: 1{':59' * 4000}}}", "line 1"),
    "no such date": ("name: 2024-13-45", "line 1"),
    "no such time": ("name: 2024-01-01 99:99:99", "line 1"),
    "text as a number": ("train: {seed: !!int abc}", "line 1"),
    "text as a float": ("train: {seed: !!float abc}", "line 1"),
    "text as a truth": ("train: {deterministic: !!bool perhaps}", "line 1"),
    "text as a date": ("name: !!timestamp abc", "line 1"),
    "no base64": ("name: !!binary '\u2603'", "line 1"),
    "list as a key": ("? [a]\n: b\n", "line 1"),
    "mapping as a key": ("? {a: b}\n: c\n", "line 1"),
    "number as a key": ("1: 2\n", "1"),
    "null as a key": ("null: 2\n", "None"),
    "truth as a key": ("yes: 2\n", "True"),
    "date as a key": ("2024-01-01: 2\n", "date(2024, 1, 1)"),
    "empty key": ("'': 2\n", "unknown key"),
    "newline in a key": ('"a\\nError: all is well": 2\n', r"a\nError"),
    "escape codes in a key": ('"\\e[2J": 2\n', r"\x1b[2J"),
    "escape codes in a value": ('name: "\\e[2J"\n', r"\x1b[2J"),
    "right to left": ('name: "\\u202Exe.lmay"\n', r"\u202e"),
    "Cyrillic name of a key": ("n\u0430me: a\n", "n\u0430me"),
    "full-width digits": ("train: {seed: \uff11\uff12}\n", "train.seed"),
    "Arabic digits": ("train: {seed: \u0661}\n", "train.seed"),
    "zero-width space": ("name: a\u200bb\n", r"\u200b"),
    "variable": ("name: ${HOME}\n", "name"),
    "variable as a number": ("train: {seed: $SEED}\n", "train.seed"),
    "command": ("name: $(touch PLACE)\n", "name"),
    "backquotes": ("name: '`touch PLACE`'\n", "name"),
    "template": ("name: '{{ 7*7 }}'\n", "name"),
    "format": ("name: '{0.__class__}'\n", "name"),
    "include": ("name: !include /etc/passwd\n", "line 1"),
    "environment": ("name: !ENV ${HOME}\n", "line 1"),
    "section as text": ("train: all\n", "train"),
    "section as a list": ("train: [seed]\n", "train"),
    "section in a section": ("train: {train: {seed: 1}}\n", "train.train"),
    "method of a model": ("model_config: {extra: allow}\n", "model_config"),
    "dunder": ("__class__: x\n", "__class__"),
    "field by its attribute": ("fine_tune: {from_: 1}\n", "fine_tune.from_"),
    "unknown key": ("colour: red\n", "colour"),
    "unknown key below": ("train: {colour: red}\n", "train.colour"),
    "GPU below zero": ("gpus: [-1]\n", "gpus"),
    "GPU twice": ("gpus: [0, 0]\n", "gpus"),
    "no GPU": ("gpus: []\n", "gpus"),
    "GPU as text": ("gpus: ['0']\n", "gpus"),
    "name of a parent": ("name: ../../etc\n", "name"),
    "name of 64": (f"name: {'a' * 64}\n", "name"),
    "name and a newline": ("name: 'a\n\n  '\n", "name"),
    "step that is none": ("kubeflow: {resources: {Evil: {}}}\n", "kubeflow.resources"),
    "step as a number": ("kubeflow: {resources: {1: {}}}\n", "kubeflow.resources"),
    "memory as code": (
        "kubeflow: {resources: {Trainer: {memory_limit: '1Gi; reboot'}}}\n",
        "kubeflow.resources",
    ),
    "root that is no bucket": (
        "kubeflow: {pipeline_root: file:///etc}\n",
        "kubeflow.pipeline_root",
    ),
    "image and an option": ("kubeflow: {image: '--privileged x:1'}\n", "kubeflow.image"),
}

# Tags that make other loaders run something; PLACE must not come to exist.
CODE = [
    "!!python/object/apply:os.system ['touch PLACE']",
    "!!python/object/apply:subprocess.Popen [[touch, PLACE]]",
    "!!python/object/new:os.system ['touch PLACE']",
    "!!python/object:pathlib.Path {}",
    "!!python/name:os.system",
    "!!python/module:os",
    '!!python/object/apply:eval [\'open("PLACE", "w")\']',
    "!!python/object/new:type {args: [a, !!python/tuple [], {}]}",
    "!!python/tuple [1]",
    "!!python/complex 1j",
    "!!java.net.URL ['http://127.0.0.1/']",
    "!ruby/object:Gem::Installer {}",
    "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch PLACE']",
    "{? !!python/object/apply:os.system ['touch PLACE'] : x}",
]

OVERRIDES = {
    "empty": ("", "--set"),
    "no value": ("name", "name"),
    "no key": ("=5", "=5"),
    "dots": ("...=1", "unknown key"),
    "10,000 sections": ("a." * 10_000 + "a=1", "unknown key"),
    "below a value": ("name.x.y=1", "name"),
    "bomb": ("name=" + "[" * 5000, "--set"),
    "reference": ("name=[&a x, *a]", "--set"),
    "code": ("name=!!python/object/apply:os.system ['touch PLACE']", "--set"),
    "escape codes": ("name=\x1b[2J", "--set"),
    "newline": ("na\nme=1", r"na\nme"),
    "100 kB": ("name=" + "x" * 100_000, "name"),
    "no number": ("train.seed=.nan", "train.seed"),
    "below zero": ("train.seed=-1", "train.seed"),
    "5,000 digits": ("train.seed=" + "9" * 5000, "--set"),
}


def refused(file: Path | None, *overrides: str) -> str:
    """Returns the sentence that a configuration is refused with."""
    with pytest.raises(ConfigError) as raised:
        load_config(file, overrides)
    sentence = str(raised.value)
    assert len(sentence) <= LONGEST
    # One line, without a code that a terminal would obey.
    assert sentence.isprintable()
    assert re.search(r"[.?]$", sentence)
    assert raised.value.exit_code == 2
    return sentence


@pytest.fixture(scope="module", autouse=True)
def _bounded() -> Iterator[None]:
    """All of them together take little time and little memory."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - began < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


def test_there_are_more_than_two_hundred() -> None:
    assert len(TEXTS) + len(CODE) + len(OVERRIDES) + len(list(wrong_values())) > 500


@pytest.mark.parametrize("path", list(keys()))
def test_wrong_value_of_any_kind_names_its_key(tmp_path: Path, path: str) -> None:
    file = tmp_path / "pipeline.yaml"
    for name, text in wrong_values():
        if name.startswith(f"{path}: "):
            file.write_text(text)
            sentence = refused(file)
            assert path in sentence or re.search(r"line \d", sentence), name


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_no_configuration_is_refused(tmp_path: Path, name: str) -> None:
    content, said = TEXTS[name]
    place, file = tmp_path / "ran", tmp_path / "pipeline.yaml"
    if isinstance(content, str):
        content = content.replace("PLACE", str(place)).encode()
    file.write_bytes(content)

    assert said in refused(file)
    assert not place.exists()


@pytest.mark.parametrize("code", CODE)
def test_code_is_not_run(tmp_path: Path, code: str) -> None:
    place, file = tmp_path / "ran", tmp_path / "pipeline.yaml"
    file.write_text(f"train:\n  seed: 1\nname: {code.replace('PLACE', str(place))}\n")

    assert "line 3: could not determine a constructor for the tag" in refused(file)
    assert not place.exists()


@pytest.mark.parametrize("name", OVERRIDES)
def test_override_is_refused(tmp_path: Path, name: str) -> None:
    override, said = OVERRIDES[name]
    place = tmp_path / "ran"

    assert said in refused(None, override.replace("PLACE", str(place)))
    assert not place.exists()


def looped(folder: Path) -> Path:
    (folder / "a").symlink_to(folder / "b")
    (folder / "b").symlink_to(folder / "a")
    return folder / "a"


def piped(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


PLACES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (lambda folder: folder / "no", "No such file"),
    "folder": (lambda folder: folder, "it is a folder"),
    "loop of links": (looped, "Too many levels of symbolic links"),
    "pipe": (piped, "not a regular file"),
    "/dev/zero": (lambda _: Path("/dev/zero"), "not a regular file"),
    "/dev/random": (lambda _: Path("/dev/random"), "not a regular file"),
    "/dev/tty": (lambda _: Path("/dev/tty"), "not a regular file"),
    "own memory": (lambda _: Path("/proc/self/mem"), "Cannot read the configuration"),
    "below a file": (lambda folder: Path(__file__) / "x", "Not a directory"),
    "long name": (lambda folder: folder / ("x" * 5000), "File name too long"),
    "NUL": (lambda folder: folder / "a\0b", "Cannot read the configuration"),
    "newline": (lambda folder: folder / "a\nError: b", r"a\nError"),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str) -> None:
    make, said = PLACES[name]

    assert said in refused(make(tmp_path))


def test_command_says_one_sentence_and_ends_with_2(tmp_path: Path) -> None:
    """What all of them come to, through the command line, and before TensorFlow is imported."""
    for name in ("billion laughs", "10,000 brackets", "newline in a key", "UTF-16", "5,000 digits"):
        content = TEXTS[name][0]
        file = tmp_path / "pipeline.yaml"
        file.write_bytes(content.encode() if isinstance(content, str) else content)

        arguments = ["pipeline", "plan", "--data", str(tmp_path), "--config", str(file)]
        done = CliRunner().invoke(app, arguments)

        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr


def test_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_bytes("train: {seed: 7}\n".encode("utf-8-sig"))

    assert load_config(file).train.seed == 7
