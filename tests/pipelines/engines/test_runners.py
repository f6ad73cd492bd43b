"""What Beam promises of any runner, on those whose workers are other processes."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import (
    FixedWindows,
    GlobalWindow,
    GlobalWindows,
    TimestampedValue,
)
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.engines import processes_runner
from pipelines.engines.arguments import beam_arguments
from pipelines.engines.config import EngineConfig
from schemas.errors import PipelineError


class Lines:
    """A pipeline that writes lines into files, and what it wrote."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.folder = folder
        self.pipeline = beam.Pipeline(options=PipelineOptions(arguments))

    def write(self, values: Any, name: str) -> None:
        lines = values | f"{name}: as text" >> beam.Map(str)
        _ = lines | f"{name}: write" >> beam.io.WriteToText(str(self.folder / name))

    def run(self) -> Any:
        result = self.pipeline.run()
        result.wait_until_finish()
        return result

    def of(self, name: str) -> list[str]:
        files = list(self.folder.glob(f"{name}-*"))
        assert files
        return sorted(line for file in files for line in file.read_text().splitlines())


@pytest.fixture
def lines(tmp_path: Path, arguments: list[str]) -> Lines:
    return Lines(tmp_path, arguments)


class CountAtTheEnd(beam.DoFn):
    """Says something only when a bundle finishes."""

    def start_bundle(self) -> None:
        self.count = 0

    def process(self, element: int) -> None:
        self.count += 1

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield WindowedValue(self.count, 0, [GlobalWindow()])


def counted(element: int) -> int:
    Metrics.counter("tests", "elements").inc()
    return element


def fails_on_seven(element: int) -> int:
    if element == 7:
        raise ValueError("seven is too much")
    return element


def test_work_is_done_in_another_process(lines: Lines) -> None:
    numbers = lines.pipeline | beam.Create(range(50))
    lines.write(numbers | "Process" >> beam.Map(lambda _: os.getpid()), "process")
    lines.run()

    assert len(lines.of("process")) == 50
    assert str(os.getpid()) not in lines.of("process")


def test_every_branch_is_written(lines: Lines) -> None:
    numbers = lines.pipeline | beam.Create(range(10))
    even, odd = numbers | beam.Partition(lambda number, _: number % 2, 2)
    lines.write(even, "even")
    lines.write(odd, "odd")
    lines.write((even, odd) | beam.Flatten(), "both")
    lines.run()

    assert lines.of("even") == ["0", "2", "4", "6", "8"]
    assert lines.of("odd") == ["1", "3", "5", "7", "9"]
    assert lines.of("both") == [str(number) for number in range(10)]


def test_what_is_said_at_the_end_of_a_bundle_counts(lines: Lines) -> None:
    numbers = lines.pipeline | beam.Create(range(100))
    total = numbers | beam.ParDo(CountAtTheEnd()) | beam.CombineGlobally(sum)
    lines.write(total, "total")
    lines.run()

    assert lines.of("total") == ["100"]


def test_equal_keys_of_all_partitions_are_grouped(lines: Lines) -> None:
    numbers = lines.pipeline | beam.Create(range(100)) | beam.Reshuffle()
    keyed = numbers | beam.Map(lambda number: (f"key {number % 3}", number))
    lines.write(keyed | beam.GroupByKey() | beam.MapTuple(lambda k, v: (k, sum(v))), "sums")
    lines.write(keyed | beam.combiners.Count.PerKey(), "counts")
    lines.run()

    assert lines.of("sums") == ["('key 0', 1683)", "('key 1', 1617)", "('key 2', 1650)"]
    assert lines.of("counts") == ["('key 0', 34)", "('key 1', 33)", "('key 2', 33)"]


def test_side_inputs_are_whole(lines: Lines) -> None:
    numbers = lines.pipeline | beam.Create(range(100)) | beam.Reshuffle()
    total = numbers | beam.CombineGlobally(sum)
    by_number = numbers | "Squares" >> beam.Map(lambda number: (number, number**2))
    chosen = lines.pipeline | "Chosen" >> beam.Create([3, 99])
    found = chosen | beam.Map(
        lambda number, whole, squares, lists: (whole, squares[number], list(lists[number])),
        beam.pvalue.AsSingleton(total),
        beam.pvalue.AsDict(by_number),
        beam.pvalue.AsMultiMap(by_number),
    )
    lines.write(found, "found")
    lines.run()

    assert lines.of("found") == ["(4950, 9, [9])", "(4950, 9801, [9801])"]


def test_windows_are_kept_apart(lines: Lines) -> None:
    numbers = lines.pipeline | beam.Create(range(6))
    sums = (
        numbers
        | beam.Map(lambda number: TimestampedValue(("all", number), number))
        | beam.WindowInto(FixedWindows(2))
        | beam.CombinePerKey(sum)
        | "Value" >> beam.Values()
        | "All" >> beam.WindowInto(GlobalWindows())
    )
    lines.write(sums, "sums")
    lines.run()

    assert lines.of("sums") == ["1", "5", "9"]


def test_files_are_read_and_counted(tmp_path: Path, arguments: list[str]) -> None:
    for number in range(3):
        (tmp_path / f"in-{number}.txt").write_text("a\nb\n")
    lines = Lines(tmp_path, arguments)
    found = lines.pipeline | beam.io.ReadFromText(str(tmp_path / "in-*.txt"))
    lines.write(found | beam.combiners.Count.PerElement(), "counts")
    lines.run()

    assert lines.of("counts") == ["('a', 3)", "('b', 3)"]


def test_counters_of_all_workers_are_added(lines: Lines) -> None:
    _ = lines.pipeline | beam.Create(range(40)) | beam.Reshuffle() | beam.Map(counted)

    (counter,) = lines.run().metrics().query()["counters"]

    assert (counter.key.metric.name, counter.result) == ("elements", 40)


def test_failure_says_why(lines: Lines) -> None:
    _ = lines.pipeline | beam.Create(range(10)) | "Strict" >> beam.Map(fails_on_seven)

    with pytest.raises((ValueError, RuntimeError)) as error:
        lines.run()
    assert str(error.value).removeprefix("ValueError: ") == (
        "seven is too much [while running 'Strict']"
    )


def test_what_cannot_be_sent_fails_before_anything_runs(lines: Lines) -> None:
    going_on = (number for number in range(3))

    with pytest.raises(RuntimeError, match="Unable to pickle fn"):
        lines.pipeline | beam.Create([1]) | beam.Map(lambda _: next(going_on))


def test_what_is_defined_only_here_fails(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that workers cannot import, as one that exists only where the run was started."""
    module = types.ModuleType("only_here")
    exec("def double(number):\n    return 2 * number", module.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, "only_here", module)
    _ = lines.pipeline | beam.Create([1]) | beam.Map(module.double)

    with pytest.raises((ModuleNotFoundError, RuntimeError), match="No module named 'only_here'"):
        lines.run()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_process_that_dies_ends_the_run(tmp_path: Path) -> None:
    lines = Lines(tmp_path, beam_arguments(EngineConfig(name="local-processes", workers=1)))
    _ = lines.pipeline | beam.Create([9]) | beam.Map(lambda signal: os.kill(os.getpid(), signal))

    with pytest.raises(PipelineError) as error:
        lines.run()
    assert str(error.value) == (
        "A process of engine.name = local-processes ended with signal 9; it may have had too "
        "little memory: lower engine.workers."
    )


def test_process_that_cannot_start_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes_runner, "_PROCESSES", processes_runner._Processes())
    monkeypatch.setattr(processes_runner.sys, "executable", "/bin/false")
    lines = Lines(tmp_path, beam_arguments(EngineConfig(name="local-processes", workers=1)))
    _ = lines.pipeline | beam.Create([9])

    with pytest.raises(PipelineError) as error:
        lines.run()
    assert str(error.value) == (
        "A process of engine.name = local-processes ended with exit code 1; it may have had too "
        "little memory: lower engine.workers."
    )


def test_processes_are_kept_for_the_next_pipeline(tmp_path: Path) -> None:
    arguments = beam_arguments(EngineConfig(name="local-processes", workers=1))
    processes = []
    for name in ("first", "second"):
        lines = Lines(tmp_path, arguments)
        lines.write(
            lines.pipeline | beam.Create([1]) | "Process" >> beam.Map(lambda _: os.getpid()), name
        )
        lines.run()
        processes.append(lines.of(name))

    assert processes[0] == processes[1]


def test_state_of_transforms_is_refused_on_dask(scheduler: str, tmp_path: Path) -> None:
    arguments = beam_arguments(EngineConfig(name="dask", address=scheduler))
    lines = Lines(tmp_path, arguments)
    keyed = lines.pipeline | beam.Create([("a", 1)])
    _ = keyed | beam.GroupIntoBatches(2)

    with pytest.raises(ValueError, match="stateful"):
        lines.run()
