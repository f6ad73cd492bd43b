"""Asks a SavedModel in a process that has the standard library and TensorFlow, and nothing else.

Run as a script, never imported by the project: `python -I -S clean_process.py PACKAGES TASK`.
Python is told to read no site-packages; PACKAGES is the only folder it can import from beyond the
standard library. TASK is a folder with `task.json`; `answers.json` is written into it, and `stage`
says what is going on, should the process not come to its end.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Calls with one photo that latency is the median of, unless they take longer than the limit.
_CALLS = 50
_LONGEST_SECONDS = 5.0

# How lines begin that TensorFlow puts before what happened in a graph.
_SAYING_NOTHING = ("Graph execution error:", "Detected at node", "<stack traces unavailable>")

_LONGEST_REASON = 300  # Characters.


class UnservableError(Exception):
    """What is wrong with the model, as the end of a sentence."""


def answer(folder: Path, packages: str) -> dict[str, Any]:
    """Does the task in a folder; returns what becomes `answers.json`.

    Args:
        folder: of the task.
        packages: the only folder to import from.

    Raises:
        UnservableError: if the model lacks what is asked of it.
        Exception: whatever TensorFlow raises.
    """
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))

    def begin(stage: str) -> None:
        (folder / "stage").write_text(stage, encoding="utf-8")

    begin("starting TensorFlow")
    sys.path.append(packages)
    import tensorflow as tf  # noqa: PLC0415 (found only now)

    begin("loading the model")
    model = tf.saved_model.load(task["model"])
    _check_signatures(model, task)

    def classify(kind: str, contents: Sequence[bytes]) -> tuple[list[str], list[list[float]]]:
        wanted = task["signatures"][kind]
        outputs = model.signatures[wanted["name"]](**{wanted["input"]: tf.constant(contents)})
        labels, probabilities = outputs[task["label"]], outputs[task["probabilities"]]
        if (labels.dtype, probabilities.dtype) != (tf.string, tf.float32):
            raise UnservableError(
                f"{wanted['name']} answers with {labels.dtype.name} and {probabilities.dtype.name}"
                ", not with string and float32"
            )
        if labels.shape != (len(contents),) or probabilities.shape != (
            *(len(contents), task["classes"]),
        ):
            raise UnservableError(
                f"{wanted['name']} answers {len(contents)} photos with {tuple(labels.shape)} "
                f"labels and {tuple(probabilities.shape)} probabilities"
            )
        return [name.decode() for name in labels.numpy()], probabilities.numpy().tolist()

    photos = [(folder / name).read_bytes() for name in task["photos"]]
    examples = [(folder / name).read_bytes() for name in task["examples"]]
    begin("answering photos in batches")
    in_batches = _in_batches(lambda batch: classify("photos", batch), photos, task["batch_size"])
    begin("answering examples in batches")
    of_examples = _in_batches(
        lambda batch: classify("examples", batch), examples, task["batch_size"]
    )
    begin("answering photos one by one")
    single = _in_batches(lambda batch: classify("photos", batch), photos, 1)
    begin("measuring its latency")
    timed = photos[: task["timed"]]
    latencies = _latencies(lambda photo: classify("photos", [photo]), timed)
    return {
        "photos": in_batches,
        "examples": of_examples,
        "single": single,
        "latency_ms": statistics.median(latencies),
        "p95_ms": sorted(latencies)[int(0.95 * (len(latencies) - 1))],
        # Whatever the standard library does not explain.
        "modules": sorted(
            {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
        ),
    }


def _check_signatures(model: Any, task: dict[str, Any]) -> None:
    for wanted in task["signatures"].values():
        name = wanted["name"]
        if name not in model.signatures:
            present = ", ".join(sorted(model.signatures)) or "none"
            raise UnservableError(f"it has no signature {name} (it has: {present})")
        signature = model.signatures[name]
        inputs = sorted(signature.structured_input_signature[1])
        outputs = sorted(signature.structured_outputs)
        if (inputs, outputs) != ([wanted["input"]], sorted([task["label"], task["probabilities"]])):
            raise UnservableError(
                f"{name} takes {', '.join(inputs)} and gives {', '.join(outputs)}, not "
                f"{wanted['input']} and {task['label']}, {task['probabilities']}"
            )


def _in_batches(
    classify: Callable[[Sequence[bytes]], tuple[list[str], list[list[float]]]],
    contents: Sequence[bytes],
    size: int,
) -> dict[str, Any]:
    labels: list[str] = []
    probabilities: list[list[float]] = []
    for start in range(0, len(contents), size):
        names, rows = classify(contents[start : start + size])
        labels += names
        probabilities += rows
    return {"labels": labels, "probabilities": probabilities}


def _latencies(classify: Callable[[bytes], Any], photos: Sequence[bytes]) -> list[float]:
    """Returns milliseconds of calls with one photo; it has been asked before, so it is warm."""
    latencies: list[float] = []
    began = time.perf_counter()
    while len(latencies) < _CALLS and time.perf_counter() - began < _LONGEST_SECONDS:
        photo = photos[len(latencies) % len(photos)]
        start = time.perf_counter()
        classify(photo)
        latencies.append(1000 * (time.perf_counter() - start))
    return latencies


def what_happened(error: Exception) -> str:
    """Returns the first line of a message that says something; TensorFlow puts others before."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith(_SAYING_NOTHING)]
    return telling[0].rstrip(".")[:_LONGEST_REASON] if telling else "no message"


def main() -> None:
    """Writes answers, or what went wrong; exits with 1 then."""
    packages, folder = sys.argv[1], Path(sys.argv[2])
    try:
        answers = answer(folder, packages)
    except UnservableError as error:
        answers = {"failed": str(error)}
    except Exception as error:  # noqa: BLE001 (a broken model can raise anything)
        stage = (folder / "stage").read_text(encoding="utf-8")
        answers = {"failed": f"{stage} failed ({type(error).__name__}: {what_happened(error)})"}
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    sys.exit("failed" in answers)


if __name__ == "__main__":
    main()
