"""Plants secrets where users keep theirs; none is in what is written, printed or shown."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_client import PageClient
from pipeline_runs import PipelineRuns
from secrets_planted import SECRET, files_that_hold, planted_secrets
from typer.testing import CliRunner

from cli.main import app
from pipelines.config import load_config
from pipelines.folders import OutputFolders
from pipelines.kubeflow_runner import compile_pipeline
from pipelines.vertex_runner import compile_job
from schemas.addresses import without_passwords, without_secrets

GOLDEN = Path(__file__).resolve().parents[2] / "kubeflow" / "golden"
URL = f"https://user:{SECRET}@storage.example/photos"


@pytest.fixture(autouse=True)
def _planted() -> Iterator[None]:
    with planted_secrets():
        yield


@pytest.fixture
def first_output(first_run: tuple[PipelineRuns, dict[str, str]]) -> Path:
    """The output folder of a run that had all these secrets in its environment."""
    runs, _ = first_run
    return runs.output.root


def said(*arguments: object) -> tuple[int, str]:
    """Runs a command; returns its exit code, and all that it printed."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout + done.stderr


def test_search_finds_what_is_packed(tmp_path: Path) -> None:
    """A search that found nothing anywhere would prove nothing."""
    (tmp_path / "plain").write_text(f"a {SECRET} b")
    (tmp_path / "packed").write_bytes(gzip.compress(SECRET.encode()))
    with zipfile.ZipFile(tmp_path / "archive", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner", SECRET * 100)
    (tmp_path / "clean").write_text("nothing")

    assert files_that_hold(tmp_path, SECRET) == (["archive", "packed", "plain"], 4)


def test_no_secret_of_the_environment_is_in_anything_that_a_run_wrote(first_output: Path) -> None:
    """Models, examples, reports, logs, records, and the store of ML Metadata."""
    found, count = files_that_hold(first_output, SECRET)

    assert count > 50
    assert found == []


def test_no_secret_is_in_what_reviewing_and_exporting_tell(
    first_output: Path, tmp_path: Path
) -> None:
    for arguments in (
        ("runs", "list", "--json"),
        ("runs", "show", "latest", "--json"),
        ("runs", "export", "latest", "--to", tmp_path / "run.html"),
        *(
            ("runs", "export", "latest", "--format", kind, "--to", tmp_path / kind)
            for kind in ("openlineage", "mlflow")
        ),
    ):
        code, printed = said(*arguments, "--output", first_output)
        assert (code, SECRET in printed) == (0, False), printed
    assert files_that_hold(tmp_path, SECRET)[0] == []


def test_no_secret_is_in_the_pages_of_runs(first_output: Path) -> None:
    page = PageClient(OutputFolders(first_output))
    try:
        for path in ("/runs", "/runs.json", "/artifacts", "/production"):
            answer = page.get(path)
            assert (answer.status, SECRET.encode() in answer.content) == (200, False), path
    finally:
        page.close()


def test_no_secret_is_in_compiled_pipelines() -> None:
    for kind, compiled in (
        ("Kubeflow", compile_pipeline(load_config(GOLDEN / "configuration.yaml"))),
        (
            "Vertex",
            compile_job(
                load_config(GOLDEN / "vertex-configuration.yaml"), data="gs://example-bucket/photos"
            ),
        ),
    ):
        assert SECRET not in json.dumps(compiled, default=str), kind


@pytest.mark.parametrize(
    "command",
    [("pipeline", "plan"), ("pipeline", "run"), ("data", "check"), ("pipeline", "compile")],
)
def test_address_of_photos_with_a_password_is_not_taken(command: tuple[str, ...]) -> None:
    place = (URL,) if command[0] == "data" else ("--data", URL)
    code, printed = said(*command, *place)

    assert code == 2
    assert SECRET not in printed
    assert printed == (
        "Error: A user or password in the address of photos would be recorded; leave them out, and "
        "give the rights in the way of the store, such as GOOGLE_APPLICATION_CREDENTIALS.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("pipeline", "plan", "--data", ".", "--set", f"kubeflow.pipeline_root=s3://k:{SECRET}@b/r"),
        ("pipeline", "plan", "--data", ".", "--set", f"name={URL}", "--debug"),
        ("predict", "--url", f"http://user:{SECRET}@127.0.0.1:9/v1/models/m", __file__),
        ("predict", "--url", f"http://user:{SECRET}@127.0.0.1:9/v1/models/m", __file__, "--debug"),
        ("predict", "--url", URL, __file__),
        ("predict", f"gs://user:{SECRET}@bucket/models", __file__),
        ("kubeflow", "runs", "--host", URL),
        ("review", "--token", f"{SECRET}/", "--output", "."),
    ],
    ids=str,
)
def test_error_tells_no_password(arguments: tuple[str, ...]) -> None:
    code, printed = said(*arguments)

    assert code in {1, 2}
    assert SECRET not in printed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a:b@host/x?y=1", "https://***@host/x?y=1"),
        ("see s3://key@bucket/x and ftp://u:p@h.", "see s3://***@bucket/x and ftp://***@h."),
        ("http://host/a@b", "http://host/a@b"),
        ("gs://bucket/a:b@c", "gs://bucket/a:b@c"),
        ("mail@host.example", "mail@host.example"),
        ("gs:/a:b@bucket is no folder", "gs:/***@bucket is no folder"),
    ],
)
def test_only_what_stands_before_a_host_is_left_out(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("https://a:b@host/x?y=1 (gone)", "https://***@host/x (gone)"),
        ("Is https://a:p?q#'r@host/x there?", "Is https://***@host/x there?"),
        ("s3:/k:v@bucket/x is no folder", "s3:/***@bucket/x is no folder"),
        ("no address: a=b? c@d", "no address: a=b? c@d"),
    ],
)
def test_what_is_sent_elsewhere_has_no_query_either(text: str, sent: str) -> None:
    assert without_secrets(text) == sent
