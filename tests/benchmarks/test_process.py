"""Tests of how one side of a comparison is run and measured."""

from __future__ import annotations

import gc
import resource
import sys

import pytest

from benchmarks.process import Measured, peak_gb, run


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_last_line_is_the_result_whatever_was_printed_before() -> None:
    measured = run(python("print('Found 3 images'); print('{\"seconds\": 1.5}')"))

    assert measured.result == {"seconds": 1.5}


def test_time_and_memory_are_those_of_the_process() -> None:
    code = "import time; held = b'1' * 200_000_000; time.sleep(0.3); print('{}')"

    measured = run(python(code))

    assert 0.3 < measured.seconds < 30
    # The kernel counts what the process was that started it, which is large among all tests.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    assert 0.2 < measured.peak_gb < max(0.4, own + 0.01)


def test_variables_reach_the_process_beside_its_own() -> None:
    code = "import json, os; print(json.dumps([os.environ['GIVEN'], 'PATH' in os.environ]))"

    assert run(python(code), {"GIVEN": "here"}).result == ["here", True]


def test_process_that_fails_ends_with_what_it_said() -> None:
    with pytest.raises(SystemExit, match=r"(?s)failed:.*out of luck"):
        run(python("import sys; sys.exit('out of luck')"))


def test_process_and_its_pipe_are_closed(recwarn: pytest.WarningsRecorder) -> None:
    gc.collect()
    recwarn.clear()  # Of what other tests left.

    run(python("print('{}')"))
    gc.collect()

    assert [str(warning.message) for warning in recwarn] == []


def test_most_memory_of_a_run_is_that_of_the_component_that_took_most() -> None:
    components = [{"peak_memory": 2_500_000_000}, {"peak_memory": None}, {"id": "reused"}]

    assert peak_gb(Measured(1.0, 1.5, {"components": components})) == 2.5
