"""Tests of `warmstart kubeflow`, against a server that knows the published API and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kfp_server import CLOSED, SESSION, Fault, KfpServer, kfp_server
from made_spec import write_spec
from typer.testing import CliRunner, Result
from waiting import wait_until

from cli.main import app

ROOT = Path(__file__).parents[2]
# Where the tests themselves run in the background, what they start ignores Ctrl-C.
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    f"sys.path[:0] = [{str(ROOT)!r}]; from cli.main import main; "
    "sys.argv[0] = 'warmstart'; main()"
)
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
SECRET = "planted-7c1f2a9e"
NIGHTLY = ("--name", "nightly", "--cron", "0 0 3 * * *")
CREATE_SCHEDULE = r"POST /apis/v2beta1/recurringruns"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    from pipelines.kubeflow_client import following
    from pipelines.kubeflow_client import server as client

    monkeypatch.setattr(client, "_PAUSES", (0.01, 0.01))
    monkeypatch.setattr(client, "_TIMEOUT", (10, 10))
    monkeypatch.setattr(following, "_INTERVAL", 0.05)
    with kfp_server() as served:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", served.url)
        yield served


@pytest.fixture
def _impatient(server: KfpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client waits for a second only."""
    monkeypatch.setattr("pipelines.kubeflow_client.server._TIMEOUT", (1, 1))


@contextmanager
def meanwhile(do: Callable[..., None], *arguments: object, **named: object) -> Iterator[None]:
    """Does something beside a command that waits for it."""
    thread = threading.Thread(target=do, args=arguments, kwargs=named, daemon=True)
    thread.start()
    yield
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return write_spec(tmp_path / "pipeline.yaml")


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["kubeflow", *map(str, arguments)], env=PLAIN)


def submit(spec: Path, *arguments: str | Path) -> Result:
    return invoke("submit", spec, "--param", "data=/data", *arguments)


def schedule(spec: Path, *arguments: str | Path) -> Result:
    return invoke("schedule", "create", spec, *NIGHTLY, "--param", "data=/data", *arguments)


def sentence(result: Result, code: int) -> str:
    """Returns the one line that a command said when it failed."""
    assert result.exit_code == code, result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)
    line = result.stderr.strip()
    assert "\n" not in line
    return line.removeprefix("Error: ")


def only(entries: dict[str, dict[str, object]]) -> dict[str, object]:
    (entry,) = entries.values()
    return entry


def test_submit_sends_the_pipeline_with_typed_parameters(server: KfpServer, spec: Path) -> None:
    result = submit(
        spec,
        *("--param", "frozen-epochs=3", "--param", "learning-rate=1e-4"),
        *("--param", "deterministic=true", "--param", 'classes=["a", "b"]'),
        *("--param", 'thresholds={"accuracy": 0.9}', "--name", "first", "--experiment", "tries"),
    )

    run = only(server.runs)
    assert result.exit_code == 0
    assert result.stdout == f"Submitted run first, id {run['run_id']}\n"
    assert result.stderr == f"  {server.url}/#/runs/details/{run['run_id']}\n"
    assert run["runtime_config"] == {
        "parameters": {
            "data": "/data",
            "frozen-epochs": 3,
            "learning-rate": 1e-4,
            "deterministic": True,
            "classes": ["a", "b"],
            "thresholds": {"accuracy": 0.9},
        }
    }
    assert run["service_account"] == "warmstart-runner"
    assert only(server.experiments)["display_name"] == "tries"
    assert set(run["pipeline_spec"]) == {"pipeline_spec", "platform_spec"}
    # What is tried is no version: schedules would run it.
    assert not server.versions


def test_submit_links_to_the_page_where_it_is_known(
    server: KfpServer, spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KF_PIPELINES_UI_ENDPOINT", "https://example.org/pipeline/")
    assert submit(spec).stderr.startswith("  https://example.org/pipeline/#/runs/details/")


def test_submit_leaves_caching_as_it_was_compiled(server: KfpServer, spec: Path) -> None:
    submit(spec)

    pipeline = only(server.runs)["pipeline_spec"]["pipeline_spec"]
    assert "cachingOptions" not in pipeline["root"]["dag"]["tasks"]["Trainer"]


def test_submit_fills_in_dates(server: KfpServer, spec: Path) -> None:
    invoke("submit", spec, "--param", "data=/data/[[CurrentTime.%Y/%m]]/[[CurrentTime.2006-01-02]]")

    now = datetime.now(UTC)
    parameters = only(server.runs)["runtime_config"]["parameters"]
    assert parameters == {"data": f"/data/{now:%Y/%m}/{now:%Y-%m-%d}"}


def test_submitted_runs_have_names_of_their_own(server: KfpServer, spec: Path) -> None:
    for _ in range(2):
        submit(spec)

    names = {run["display_name"] for run in server.runs.values()}
    assert len(names) == 2
    assert all(re.fullmatch(r"warmstart-photos-\d{8}-\d{6}-\d{3}", name) for name in names)


def test_submit_asks_again_if_the_server_was_away(server: KfpServer, spec: Path) -> None:
    server.faults.append(Fault("GET .*/experiments", status=503, times=2))
    server.faults.append(Fault("POST .*/runs", status=503))

    assert submit(spec).exit_code == 0
    assert len(server.runs) == 1


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST .*/runs", status=500, done=True),
        Fault("POST .*/runs", status=0, done=True),
        Fault("POST .*/runs", status=504, done=True, pause=1.3),
    ],
    ids=["500", "broken off", "too slow"],
)
def test_submit_finds_its_run_whose_answer_was_lost(
    server: KfpServer, spec: Path, fault: Fault
) -> None:
    server.faults.append(fault)

    result = submit(spec)

    assert result.exit_code == 0, result.output
    assert only(server.runs)["run_id"] in result.stdout
    assert server.asked.count("POST /apis/v2beta1/runs") == 1


def test_submit_does_not_start_a_run_twice(server: KfpServer, spec: Path) -> None:
    server.faults.append(Fault("POST .*/runs", status=500, says="the database is away"))

    assert sentence(submit(spec, "--name", "once"), 1) == (
        f"{server.url} failed (500: the database is away), and there is no run once yet; look "
        "with `warmstart kubeflow runs` in a moment, before you submit it again."
    )
    assert server.asked.count("POST /apis/v2beta1/runs") == 1


def test_an_experiment_that_somebody_else_just_made_is_taken(server: KfpServer, spec: Path) -> None:
    server.faults.append(Fault("POST .*/experiments", status=409, done=True))

    assert submit(spec).exit_code == 0
    assert len(server.experiments) == len(server.runs) == 1


def wait_until_asked(server: KfpServer, line: str, *, again: int) -> None:
    """Waits until the server has been asked so many times more."""
    wanted = server.asked.count(line) + again
    wait_until(lambda: server.asked.count(line) >= wanted)


def finish(server: KfpServer, state: str, *, error: str = "") -> None:
    """Lets a submitted run go on and end, as time passes."""
    wait_until(lambda: server.runs)
    run = next(iter(server.runs.values()))
    more = {"error": {"code": 13, "message": error}} if error else {}
    server.add_task(run, "root-driver", "SUCCEEDED")
    server.add_task(run, "Transform", "SUCCEEDED")
    task = server.add_task(run, "Trainer", "RUNNING")
    server.add_task(run, "executor", "RUNNING")
    wait_until_asked(server, f"GET /apis/v2beta1/runs/{run['run_id']}", again=6)
    task |= {"state": state, "end_time": server.now()} | more
    run |= {"state": state, "finished_at": server.now()}


def waited(server: KfpServer, spec: Path, state: str, **more: str) -> Result:
    with meanwhile(finish, server, state, **more):
        return submit(spec, "--name", "first", "--wait")


def test_wait_follows_tasks_and_exits_with_0_if_the_run_succeeded(
    server: KfpServer, spec: Path
) -> None:
    server.faults.append(Fault("GET .*/runs/.*", status=502, times=4))

    result = waited(server, spec, "SUCCEEDED")

    assert result.exit_code == 0, result.output
    states = [" ".join(line.split()[1:3]) for line in result.stderr.splitlines()[1:]]
    assert states == ["Transform SUCCEEDED", "Trainer RUNNING", "Trainer SUCCEEDED"]
    assert re.search(r"^Run first succeeded in \d+s\.$", result.stdout, re.M)


def test_wait_exits_with_1_if_the_run_failed(server: KfpServer, spec: Path) -> None:
    result = waited(server, spec, "FAILED", error="OOMKilled (exit code 137)")

    assert result.exit_code == 1
    run_id = only(server.runs)["run_id"]
    assert result.stderr.splitlines()[-1] == (
        "Error: Run first ended as FAILED in Trainer (OOMKilled (exit code 137)); `warmstart "
        f"kubeflow logs {run_id} --task Trainer` shows what was logged."
    )


def test_wait_ends_for_a_run_that_was_canceled(server: KfpServer, spec: Path) -> None:
    result = waited(server, spec, "CANCELED")

    assert result.exit_code == 1
    assert "Run first ended as CANCELED; " in result.stderr


def test_wait_ends_after_its_timeout(server: KfpServer, spec: Path) -> None:
    result = submit(spec, "--wait", "--timeout", "1s")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: Run {only(server.runs)['run_id']} is not finished after 1 s, and goes on; "
        "`warmstart kubeflow runs` shows its state."
    )


def interrupted(process: subprocess.Popen[str]) -> str:
    """Presses Ctrl-C, again if need be: Python drops it where it finalizes an object."""
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    raise AssertionError(process.communicate()[1])


def test_ctrl_c_ends_the_waiting_and_not_the_run(server: KfpServer, spec: Path) -> None:
    command = [sys.executable, "-c", START, "kubeflow", "submit", str(spec), "--wait"]
    process = subprocess.Popen(
        [*command, "--param", "data=/data"],
        env={**os.environ, **PLAIN},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: any(re.fullmatch(r"GET .*/runs/.+", line) for line in server.asked))
    said = interrupted(process)

    assert process.returncode == 130
    assert said.splitlines()[1:] == [
        "The run goes on; `warmstart kubeflow runs` shows its state.",
        "Interrupted.",
    ]
    assert only(server.runs)["state"] == "PENDING"


def test_timeout_needs_wait(server: KfpServer, spec: Path) -> None:
    assert sentence(submit(spec, "--timeout", "1h"), 2) == (
        "--timeout is for --wait; give both, or none."
    )
    assert not server.asked


def test_schedule_follows_the_newest_version(server: KfpServer, spec: Path) -> None:
    result = schedule(spec, "--max-concurrency", "2", "--catch-up")

    made, version = only(server.schedules), only(server.versions)
    assert result.exit_code == 0, result.output
    assert made["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * *"}}
    assert made["pipeline_version_reference"] == {"pipeline_id": version["pipeline_id"]}
    assert (made["max_concurrency"], made["no_catchup"]) == ("2", False)
    assert made["service_account"] == "warmstart-runner"
    assert server.enabled == ["nightly"]
    lines, uploaded = result.stdout.splitlines(), version["display_name"]
    assert lines[:3] == [
        "Schedule nightly was created.",
        f"  runs    the newest version of warmstart-photos: {uploaded}, uploaded now",
        "  starts  at '0 0 3 * * *', in the time zone of the installation (UTC unless changed)",
    ]
    assert re.fullmatch(r"  next    (\d{4}-\d\d-\d\d 03:00:00(, )?){3}", lines[3])


def test_schedule_every_some_hours(server: KfpServer, spec: Path) -> None:
    arguments = ("--name", "often", "--every", "12h", "--param", "data=/data")
    result = invoke("schedule", "create", spec, *arguments)

    assert result.exit_code == 0, result.output
    assert only(server.schedules)["trigger"] == {"periodic_schedule": {"interval_second": "43200"}}
    assert only(server.schedules)["no_catchup"] is True


def test_schedule_writes_dates_as_the_server_reads_them(server: KfpServer, spec: Path) -> None:
    data = "data=/data/[[CurrentTime.%Y-%m-%d]]"
    invoke("schedule", "create", spec, *NIGHTLY, "--param", data)

    parameters = only(server.schedules)["runtime_config"]["parameters"]
    assert parameters == {"data": "/data/[[CurrentTime.2006-01-02]]"}


def test_dates_in_a_default_reach_the_server(server: KfpServer, tmp_path: Path) -> None:
    """The server looks for dates in what a run is given, not in the pipeline's defaults."""
    default = {"parameterType": "STRING", "defaultValue": "/data/[[CurrentTime.%Y]]"}
    spec = write_spec(tmp_path / "dated.yaml", parameters={"data": default})
    invoke("schedule", "create", spec, *NIGHTLY)

    parameters = only(server.schedules)["runtime_config"]["parameters"]
    assert parameters == {"data": "/data/[[CurrentTime.2006]]"}


def test_the_same_schedule_twice_changes_nothing(server: KfpServer, spec: Path) -> None:
    schedule(spec, "--param", "frozen-epochs=3")
    before = set(server.schedules)
    asked = len(server.asked)

    result = schedule(spec, "--param", "frozen-epochs=3")

    assert result.stdout.splitlines()[0] == "Schedule nightly is as it should be."
    assert result.stdout.splitlines()[1].endswith(", uploaded before")
    assert set(server.schedules) == before
    assert len(server.versions) == 1
    assert all(line.startswith("GET ") for line in server.asked[asked:])


def test_a_changed_pipeline_is_a_new_version_and_the_schedule_stays(
    server: KfpServer, spec: Path
) -> None:
    schedule(spec)
    before = set(server.schedules)
    write_spec(spec, image="example.org/warmstart:2")

    result = schedule(spec)

    assert set(server.schedules) == before
    assert len(server.versions) == 2
    assert len(server.pipelines) == 1
    assert result.stdout.splitlines()[0] == "Schedule nightly is as it should be."


def test_a_pipeline_that_comes_back_is_the_newest_version_again(
    server: KfpServer, spec: Path
) -> None:
    for image in ("a:1", "a:2", "a:1"):
        write_spec(spec, image=image)
        schedule(spec)
        if image == "a:2":  # Versions are named by the second, and by what is in them.
            second = int(time.time())
            wait_until(lambda second=second: int(time.time()) > second)

    newest = max(server.versions.values(), key=lambda version: version["created_at"])
    executors = newest["pipeline_spec"]["deploymentSpec"]["executors"]
    assert len(server.versions) == 3
    assert executors["Trainer_executor"]["container"]["image"] == "a:1"


def test_comments_in_the_file_are_no_new_version(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    spec.write_text(f"# Compiled again.\n{spec.read_text()}")
    schedule(spec)

    assert len(server.versions) == 1


def test_another_time_replaces_the_schedule(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    (before,) = server.schedules
    begin = len(server.asked)

    result = invoke(
        *("schedule", "create", spec, "--name", "nightly", "--cron", "0 30 4 * * *"),
        *("--param", "data=/data"),
    )

    (after,) = server.schedules
    assert after != before
    assert server.enabled == ["nightly"]
    assert result.stdout.splitlines()[0] == "Schedule nightly was replaced by the new one."
    changes = [line for line in server.asked[begin:] if not line.startswith("GET ")]
    root = "/apis/v2beta1/recurringruns"
    assert changes == [
        f"POST {root}",
        f"POST {root}/{before}:disable",
        f"POST {root}/{after}:enable",
        f"DELETE {root}/{before}",
    ]


def test_a_paused_schedule_stays_paused_when_it_is_changed(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    assert invoke("schedule", "pause", "nightly").stdout == "Schedule nightly is paused.\n"

    result = schedule(spec, "--max-concurrency", "3")

    assert only(server.schedules)["max_concurrency"] == "3"
    assert server.enabled == []
    assert result.stdout.splitlines()[-1] == (
        "  paused  `warmstart kubeflow schedule resume nightly` goes on"
    )


@pytest.mark.parametrize(
    "where",
    [CREATE_SCHEDULE, rf"{CREATE_SCHEDULE}/[^:]+:disable", rf"{CREATE_SCHEDULE}/[^:]+:enable"],
    ids=["create", "pause the former", "resume the new one"],
)
@pytest.mark.parametrize("done", [False, True], ids=["refused", "answer lost"])
def test_a_replacement_that_breaks_leaves_one_and_is_taken_up_again(
    server: KfpServer, spec: Path, where: str, done: bool
) -> None:
    schedule(spec)
    server.faults.append(Fault(where, status=500, times=3, done=done))

    result = schedule(spec, "--max-concurrency", "3")

    assert server.enabled == ["nightly"]
    assert result.exit_code in {0, 1}
    server.faults.clear()
    assert schedule(spec, "--max-concurrency", "3").exit_code == 0
    assert only(server.schedules)["max_concurrency"] == "3"
    assert server.enabled == ["nightly"]


def test_a_replacement_that_was_killed_between_both_schedules_is_finished(
    server: KfpServer, spec: Path
) -> None:
    schedule(spec)
    (former,) = server.schedules
    # As a kill leaves it: the new one made, the former one paused.
    server.faults.append(Fault(rf"{CREATE_SCHEDULE}/[^:]+:(enable|disable)", status=404, times=9))
    schedule(spec, "--max-concurrency", "3")
    server.schedules[former]["status"] = "DISABLED"
    server.faults.clear()
    assert len(server.schedules) == 2

    schedule(spec, "--max-concurrency", "3")

    assert only(server.schedules)["max_concurrency"] == "3"
    assert server.enabled == ["nightly"]


def test_a_run_that_goes_on_is_not_ended_by_a_new_schedule(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    (former,) = server.schedules
    run = server.add_run("nightly-1", "RUNNING", recurring_run_id=former)

    result = schedule(spec, "--max-concurrency", "3")

    assert former in server.schedules
    assert server.enabled == ["nightly"]
    assert result.stdout.splitlines()[-1] == (
        f"  note    the former schedule {former} has a run that goes on, and stays paused; the "
        "same command removes it later"
    )
    # What is named is the new one.
    assert invoke("schedule", "pause", "nightly").exit_code == 0
    assert server.enabled == []
    assert invoke("schedule", "resume", "nightly").exit_code == 0
    run["state"] = "SUCCEEDED"
    schedule(spec, "--max-concurrency", "3")
    assert former not in server.schedules
    assert server.enabled == ["nightly"]


def test_a_lost_answer_makes_no_second_schedule(server: KfpServer, spec: Path) -> None:
    server.faults.append(Fault(CREATE_SCHEDULE, status=0, done=True))

    assert schedule(spec).exit_code == 0
    assert server.enabled == ["nightly"]
    assert len(server.schedules) == 1


def test_a_lost_answer_makes_no_second_version(server: KfpServer, spec: Path) -> None:
    server.faults.append(Fault("POST .*/upload_version", status=0, done=True))
    server.faults.append(Fault("POST .*/pipelines", status=500, done=True))

    assert schedule(spec).exit_code == 0
    assert len(server.versions) == len(server.pipelines) == 1


def test_an_older_server_that_keeps_to_a_version_gets_another_schedule(
    server: KfpServer, spec: Path
) -> None:
    server.follows = False
    schedule(spec)
    assert schedule(spec).stdout.startswith("Schedule nightly is as it should be.")
    write_spec(spec, image="example.org/warmstart:2")

    schedule(spec)

    newest = max(server.versions.values(), key=lambda version: version["created_at"])
    reference = only(server.schedules)["pipeline_version_reference"]
    assert reference["pipeline_version_id"] == newest["pipeline_version_id"]


def test_other_schedules_that_take_the_version_are_named(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    write_spec(spec, image="example.org/warmstart:2")
    weekly = ("--name", "weekly", "--every", "1w", "--param", "data=/data")

    result = invoke("schedule", "create", spec, *weekly)

    assert result.stdout.splitlines()[-1] == (
        "  note    nightly runs that version from now on, too; --pipeline NAME keeps schedules "
        "apart"
    )
    apart = ("--name", "apart", "--every", "1w", "--param", "data=/data", "--pipeline", "apart")
    assert "note" not in invoke("schedule", "create", spec, *apart).stdout


def test_a_schedule_that_somebody_else_made_is_left_alone(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    (made,) = server.schedules
    server.schedules[made]["description"] = "Ann's"

    assert sentence(schedule(spec, "--max-concurrency", "3"), 2) == (
        "--name nightly: the schedule of that name was not made by warmstart; give another name, "
        f"or delete that one ({made})."
    )
    assert list(server.schedules) == [made]


def test_a_schedule_of_another_pipeline_is_left_alone(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    (made,) = server.schedules

    assert sentence(schedule(spec, "--pipeline", "other"), 2) == (
        "--name nightly: the schedule of that name runs another pipeline than other; give another "
        f"name, or delete that one ({made})."
    )
    assert list(server.schedules) == [made]


def test_schedules_are_listed(server: KfpServer, spec: Path) -> None:
    assert invoke("schedule", "list").stdout == "There are no schedules.\n"
    schedule(spec)
    invoke("schedule", "pause", "nightly")
    (made,) = server.schedules

    lines = [line.split("  ") for line in invoke("schedule", "list").stdout.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells == [
        ["name", "state", "starts", "version", "at a time", "id"],
        ["nightly", "paused", "at '0 0 3 * * *'", "the newest", "1", made],
    ]
    (entry,) = json.loads(invoke("schedule", "list", "--json").stdout)
    assert entry["id"] == made
    assert (entry["name"], entry["enabled"], entry["catch_up"]) == ("nightly", False, False)
    assert entry["parameters"] == {"data": "/data"}
    assert entry["created"].endswith("+00:00")


def test_pause_resume_and_delete(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    (made,) = server.schedules

    assert invoke("schedule", "pause", made).exit_code == 0
    assert server.enabled == []
    assert invoke("schedule", "resume", "nightly").stdout == (
        "Schedule nightly starts runs again.\n"
    )
    assert server.enabled == ["nightly"]
    assert invoke("schedule", "delete", "nightly").stdout == "Schedule nightly was deleted.\n"
    assert not server.schedules


def test_delete_spares_a_run_that_goes_on(server: KfpServer, spec: Path) -> None:
    schedule(spec)
    (made,) = server.schedules
    server.add_run("nightly-1", "RUNNING", recurring_run_id=made)

    assert sentence(invoke("schedule", "delete", "nightly"), 1) == (
        "Schedule nightly has a run that goes on, nightly-1; servers before 2.16 end it with the "
        "schedule: pause the schedule until it is finished, or delete both with --force."
    )
    assert invoke("schedule", "delete", "nightly", "--force").exit_code == 0


@pytest.mark.parametrize("command", ["pause", "resume", "delete"])
def test_unknown_schedule_is_one_sentence(server: KfpServer, spec: Path, command: str) -> None:
    assert sentence(invoke("schedule", command, "nightly"), 2) == (
        "nightly: there is no schedule yet."
    )
    schedule(spec)
    assert sentence(invoke("schedule", command, "nigthly"), 2) == (
        "nigthly: there is no such schedule; nearest: nightly."
    )


def test_runs_are_listed(server: KfpServer) -> None:
    assert invoke("runs").stdout == "There are no runs.\n"
    old = server.add_run("old", "FAILED", error={"code": 2, "message": "no more memory"})
    new = server.add_run("new", "RUNNING")

    lines = [re.split(r"  +", line.strip()) for line in invoke("runs").stdout.splitlines()]
    assert lines[0] == ["state", "name", "started (UTC)", "took", "id"]
    assert [line[:2] + line[-1:] for line in lines[1:]] == [
        ["RUNNING", "new", new["run_id"]],
        ["FAILED", "old", old["run_id"]],
    ]
    assert lines[2][3] == "1s"
    (entry,) = json.loads(invoke("runs", "--json", "--limit", "1").stdout)
    assert (entry["name"], entry["finished"], entry["error"]) == ("new", None, None)


def test_more_runs_than_one_answer_holds(server: KfpServer) -> None:
    for number in range(205):
        server.add_run(f"run-{number}")

    entries = json.loads(invoke("runs", "--json", "--limit", "203").stdout)
    assert [entry["name"] for entry in entries] == [f"run-{n}" for n in range(204, 1, -1)]


def test_runs_of_an_experiment(server: KfpServer, spec: Path) -> None:
    submit(spec, "--name", "tried", "--experiment", "tries")
    submit(spec, "--name", "other")

    entries = json.loads(invoke("runs", "--experiment", "tries", "--json").stdout)
    assert [entry["name"] for entry in entries] == ["tried"]
    assert sentence(invoke("runs", "--experiment", "trie"), 2) == (
        "--experiment trie: there is no such experiment; nearest: tries."
    )


def test_archived_experiment_is_one_sentence(server: KfpServer, spec: Path) -> None:
    submit(spec)
    only(server.experiments)["storage_state"] = "ARCHIVED"

    assert sentence(submit(spec), 2) == (
        f"--experiment warmstart is archived; restore it on {server.url}, or name another one."
    )


def test_server_that_is_not_there_is_one_sentence(server: KfpServer, spec: Path) -> None:
    assert sentence(submit(spec, "--host", CLOSED), 1) == (
        "http://127.0.0.1:9 cannot be reached (Connection refused): check --host, and that the "
        "server runs; a port of a cluster is forwarded with `kubectl port-forward --namespace "
        "kubeflow service/ml-pipeline-ui 8080:80`."
    )


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_that_nobody_signed_is_one_sentence(
    server: KfpServer, tmp_path: Path
) -> None:
    """The client breaks over its own report of this, and would show a traceback."""
    file = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file, "-out", file),
        ],
        check=True,
        capture_output=True,
    )
    server.behind_tls(file)

    said = sentence(invoke("runs", "--host", server.url), 1)
    assert re.sub(r" \(_ssl.c:\d+\)", "", said) == (
        f"{server.url} cannot be spoken to through TLS (self-signed certificate): check whether "
        "it is http://, or name the certificates that sign its own with --ca-file."
    )
    assert invoke("runs", "--host", server.url, "--ca-file", file).exit_code == 0
    assert sentence(invoke("runs", "--host", server.url, "--ca-file", tmp_path / "none"), 2) == (
        f"--ca-file {tmp_path / 'none'}: there is no such file."
    )


def test_unknown_name_of_a_host_is_one_sentence(server: KfpServer) -> None:
    said = sentence(invoke("runs", "--host", "http://nowhere.invalid"), 1)
    assert said.startswith("http://nowhere.invalid cannot be reached (")
    assert "object at 0x" not in said


def test_a_page_instead_of_the_api_is_one_sentence(server: KfpServer) -> None:
    server.page = "<html>Sign in</html>"

    assert sentence(invoke("runs"), 1) == (
        f"{server.url} answers with text/html, not as Kubeflow Pipelines does: check the address, "
        "which ends with /pipeline where all of Kubeflow is installed, and whether a login stands "
        "before it; then give a token with --token-file or WARMSTART_KUBEFLOW_TOKEN, or what a "
        "logged-in browser sends with --cookies-file or WARMSTART_KUBEFLOW_COOKIES."
    )


def test_a_login_page_is_one_sentence(server: KfpServer) -> None:
    server.leads_to = "/dex/auth"

    assert sentence(invoke("runs"), 1) == (
        f"{server.url} leads to another page (302): give a token with --token-file or "
        "WARMSTART_KUBEFLOW_TOKEN, or what a logged-in browser sends with --cookies-file or "
        "WARMSTART_KUBEFLOW_COOKIES."
    )


def test_version_1_of_the_server_is_one_sentence(server: KfpServer) -> None:
    server.faults.append(Fault("GET /apis/v2beta1/healthz", status=404))

    assert sentence(invoke("runs"), 1) == (
        f"{server.url} has no API of Kubeflow Pipelines 2 (/apis/v2beta1): check the address, "
        "which ends with /pipeline where all of Kubeflow is installed; version 1 of Kubeflow "
        "Pipelines does not do."
    )


def test_a_right_that_is_missing_is_one_sentence(server: KfpServer) -> None:
    server.faults.append(Fault("GET .*/runs", status=403, says="User ann cannot list runs in b."))

    assert sentence(invoke("runs"), 1) == (
        f"{server.url} does not allow this (403: User ann cannot list runs in b): ask for the "
        "right, or name another namespace with --namespace."
    )


def test_a_server_that_keeps_failing_is_one_sentence(server: KfpServer) -> None:
    server.faults.append(Fault("GET .*/runs", status=500, times=9, says="the database is away"))

    assert sentence(invoke("runs"), 1) == (
        f"{server.url} failed (500: the database is away); try again later."
    )
    assert server.asked.count("GET /apis/v2beta1/runs") == 3


@pytest.mark.usefixtures("_impatient")
def test_a_server_that_does_not_answer_is_one_sentence(server: KfpServer) -> None:
    server.faults.append(Fault("GET .*/runs", status=500, times=9, pause=1.2))

    assert sentence(invoke("runs"), 1) == f"{server.url} does not answer in time; try again later."


def test_namespace_is_needed_where_users_share_an_installation(
    server: KfpServer, spec: Path
) -> None:
    server.multi_user = True

    assert sentence(invoke("runs"), 2) == (
        f"{server.url} is shared by several users: name the namespace of yours with --namespace."
    )
    assert submit(spec, "--namespace", "ann").exit_code == 0
    assert schedule(spec, "--namespace", "ann").exit_code == 0
    assert only(server.experiments)["namespace"] == "ann"
    assert only(server.pipelines)["namespace"] == "ann"


def test_namespace_does_no_harm_where_one_user_is_alone(server: KfpServer, spec: Path) -> None:
    assert submit(spec, "--namespace", "ann").exit_code == 0


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (
            "localhost:8080",
            "--host localhost:8080: give an address with http:// or https://, such as "
            "http://localhost:8080.",
        ),
        (
            f"https://ann:{SECRET}@example.org",
            "--host: an address with a user or password before example.org would be shown in "
            "messages; leave them out, and give --token-file or --cookies-file.",
        ),
        (
            "http://localhost:8080/#/runs",
            "--host http://localhost:8080/#/runs: leave out what follows the path, from '?' or "
            "'#' on.",
        ),
    ],
    ids=["scheme", "password", "page"],
)
def test_wrong_host_is_one_sentence(host: str, said: str) -> None:
    assert sentence(invoke("runs", "--host", host), 2) == said


def test_no_host_and_no_cluster_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT", raising=False)
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none")
    )

    assert sentence(invoke("runs"), 2) == (
        "There is no address of Kubeflow Pipelines: give --host or KF_PIPELINES_ENDPOINT; nor is "
        "there a way through a kubeconfig (Invalid kube-config file. No configuration found)."
    )


def test_a_kubeconfig_leads_through_the_cluster(
    server: KfpServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.behind_proxy = True
    server.token = SECRET
    server.add_run("found")
    file = tmp_path / "kubeconfig"
    user = {"name": "ann", "user": {"token": SECRET}}
    cluster = {"name": "kind", "cluster": {"server": server.url}}
    context = {"name": "kind", "context": {"cluster": "kind", "user": "ann"}}
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "users": [user],
                "clusters": [cluster],
                "contexts": [context],
                "current-context": "kind",
            }
        )
    )
    monkeypatch.delenv("KF_PIPELINES_ENDPOINT")
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))

    assert [run["name"] for run in json.loads(invoke("runs", "--json").stdout)] == ["found"]
    assert sentence(invoke("runs", "--kube-context", "other"), 2) == (
        "There is no address of Kubeflow Pipelines: give --host or KF_PIPELINES_ENDPOINT; nor is "
        "there a way through a kubeconfig (Invalid kube-config file. Expected object with name "
        f"other in {file}/contexts list)."
    )


def test_a_token_comes_from_a_file_or_a_variable(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = SECRET
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")

    assert invoke("runs", "--token-file", file).exit_code == 0
    monkeypatch.setenv("WARMSTART_KUBEFLOW_TOKEN", SECRET)
    assert invoke("runs").exit_code == 0


def test_a_token_that_is_replaced_is_read_again(
    server: KfpServer, spec: Path, tmp_path: Path
) -> None:
    server.token, server.later_token = "first-token", SECRET
    file = tmp_path / "token"
    file.write_text("first-token")

    def replace() -> None:
        wait_until(lambda: server.runs)
        (tmp_path / "next").write_text(SECRET)
        (tmp_path / "next").replace(file)
        wait_until(lambda: server.later_token_used)
        next(iter(server.runs.values()))["state"] = "SUCCEEDED"

    with meanwhile(replace):
        result = submit(spec, "--token-file", file, "--wait")

    assert result.exit_code == 0, result.output


def test_a_token_that_vanishes_is_one_sentence(
    server: KfpServer, spec: Path, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)

    def remove() -> None:
        wait_until(lambda: server.runs)
        file.unlink()

    with meanwhile(remove):
        result = submit(spec, "--token-file", file, "--wait")

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: {file}, which holds the token, cannot be read any more: No such file or directory."
    )


def test_cookies_come_from_a_file_or_a_variable(
    server: KfpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cookies = f"authservice_session={SECRET}; theme=1"
    file = tmp_path / "cookies"
    file.write_text(f"{server.cookies}\n")

    assert invoke("runs", "--cookies-file", file).exit_code == 0
    monkeypatch.setenv("WARMSTART_KUBEFLOW_COOKIES", server.cookies)
    assert invoke("runs").exit_code == 0


@pytest.mark.parametrize("option", ["--token-file", "--cookies-file"])
def test_a_secret_that_is_refused_is_never_shown(
    server: KfpServer, tmp_path: Path, option: str
) -> None:
    """Servers repeat what they were sent, also where a traceback would show it."""
    server.token = "another-token"
    server.faults.append(Fault("GET .*/healthz", status=403, says=f"no {SECRET} here"))
    file = tmp_path / "secret"
    file.write_text(SECRET if option == "--token-file" else f"authservice_session={SECRET}")

    for _ in range(2):
        result = invoke("runs", option, file, "--debug")
        assert result.exit_code == 1
        assert "ClusterError" in result.stderr
        assert SECRET not in result.output
        assert SESSION not in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "--token-file {} must hold a token in one line, and nothing else."),
        (b"two\nlines-of-it", "--token-file {} must hold a token in one line, and nothing else."),
        (b"\xff\xfe", "--token-file {} is no text file."),
        (None, "--token-file {} cannot be read: No such file or directory."),
    ],
    ids=["empty", "two lines", "binary", "missing"],
)
def test_a_file_without_a_token_is_one_sentence(
    server: KfpServer, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    assert sentence(invoke("runs", "--token-file", file), 2) == said.format(file)
    assert not server.asked


def test_mistakes_answer_before_the_client_is_imported(spec: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from typer.testing import CliRunner; "
        "from cli.main import app; arguments = ['kubeflow', 'schedule', 'create', "
        f"{str(spec)!r}, '--name', 'n', '--cron', '0 3 * * *']; "
        "print(CliRunner().invoke(app, arguments).exit_code, 'kfp' in sys.modules, "
        "'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split() == ["2", "False", "False"]


def test_the_terminal_stays_quiet(server: KfpServer, spec: Path) -> None:
    """The SDK prints links, and warns on each start; none of it is for users."""
    done = subprocess.run(
        [sys.executable, "-c", START, *("kubeflow", "submit", str(spec), "--param", "data=/d")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **PLAIN},
    )
    run_id = only(server.runs)["run_id"]
    assert done.stdout.splitlines()[0].endswith(f", id {run_id}")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == f"  {server.url}/#/runs/details/{run_id}\n"
