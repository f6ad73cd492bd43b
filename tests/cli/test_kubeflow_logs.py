"""Tests of `warmstart kubeflow logs`, against Kubeflow Pipelines and Kubernetes on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kfp_server import CLOSED, KfpServer, kfp_server
from kubernetes_server import KubernetesServer, kubernetes_server
from typer.testing import CliRunner, Result

from cli.main import app

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
SECRET = "planted-7c1f2a9e"
KUBECONFIG = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    with kfp_server() as served:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", served.url)
        yield served


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[KubernetesServer]:
    with kubernetes_server(SECRET) as served:
        monkeypatch.setattr(KUBECONFIG, str(served.write_kubeconfig(tmp_path / "kubeconfig")))
        yield served


@pytest.fixture
def run_id(server: KfpServer, cluster: KubernetesServer) -> str:
    """A run whose Trainer failed once, and then succeeded."""
    run = server.add_run("nightly-1")
    server.add_task(run, "Transform", "SUCCEEDED")
    server.add_task(run, "Trainer", "SUCCEEDED")
    identifier = str(run["run_id"])
    cluster.add_pod("another", "root.Trainer.executor", b"of another run\n")
    cluster.add_pod(identifier, "root.Trainer-driver", b"driver\n", minute=2)
    cluster.add_pod(identifier, "root.Trainer.executor(1)", b"epoch 1\n", minute=4)
    cluster.add_pod(identifier, "root.Trainer.executor(0)", b"killed\n", minute=3)
    cluster.add_pod(identifier, "root.Transform.executor(0)", b"\xff decoded\n", minute=1)
    cluster.add_pod(identifier, "root.label-review.executor(0)", b"reviewed\n", minute=5)
    return identifier


def logs(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["kubeflow", "logs", *arguments], env=PLAIN)


def sentence(result: Result, code: int) -> str:
    assert result.exit_code == code, result.output
    return result.stderr.splitlines()[-1].removeprefix("Error: ")


def test_logs_of_all_tasks_in_order(run_id: str) -> None:
    result = logs(run_id)

    assert result.exit_code == 0, result.output
    assert result.stdout_bytes == b"\xff decoded\nkilled\nepoch 1\nreviewed\n"
    lines = [" ".join(line.split()) for line in result.stderr.splitlines()]
    assert lines == [
        "Run nightly-1: SUCCEEDED",
        "✓ Transform SUCCEEDED 1s",
        "✓ Trainer SUCCEEDED 1s",
        "== Transform",
        "== Trainer",
        "== Trainer, attempt 2",
        "== label-review",
    ]


def test_logs_of_one_task_of_a_run_by_its_name(run_id: str) -> None:
    assert logs("nightly-1", "--task", "Transform").stdout_bytes == b"\xff decoded\n"
    assert logs("nightly-1", "--task", "LabelReview").stdout_bytes == b"reviewed\n"


def test_unknown_task_is_one_sentence(run_id: str) -> None:
    assert sentence(logs(run_id, "--task", "Trainr"), 2) == (
        "--task Trainr: there is no such task; nearest: Trainer."
    )


def test_unknown_run_is_one_sentence(server: KfpServer) -> None:
    assert sentence(logs("nightly-2"), 2) == (
        f"{server.url} has no run nightly-2; `warmstart kubeflow runs` lists them."
    )


def test_pods_that_are_gone_are_one_sentence(run_id: str) -> None:
    assert sentence(logs(run_id, "--namespace", "elsewhere"), 1) == (
        f"There are no pods of run {run_id} in namespace elsewhere: they are removed some time "
        "after a run, or are in another one (--namespace); the user interface of Kubeflow "
        "Pipelines shows logs that were archived."
    )


def test_a_right_that_is_missing_is_one_sentence(run_id: str, cluster: KubernetesServer) -> None:
    cluster.status = 403

    result = logs(run_id, "--debug")

    assert sentence(result, 1) == (
        f"Kubernetes at {cluster.url} does not let you read logs in namespace kubeflow (403): ask "
        "for the right to get pods and pods/log there, or name another one with --namespace."
    )
    assert SECRET not in result.output


def test_a_cluster_that_is_not_there_is_one_sentence(
    run_id: str, cluster: KubernetesServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = cluster.url
    cluster.url = CLOSED
    monkeypatch.setattr(KUBECONFIG, str(cluster.write_kubeconfig(tmp_path / "other")))
    cluster.url = there

    assert sentence(logs(run_id), 1) == (
        "Kubernetes at http://127.0.0.1:9 cannot be reached (Connection refused); check the "
        "kubeconfig, or name a context with --kube-context."
    )


def test_no_kubeconfig_is_one_sentence(
    run_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(KUBECONFIG, str(tmp_path / "none"))

    assert sentence(logs(run_id), 2) == (
        "Logs are read from Kubernetes, for which a kubeconfig is needed (Invalid kube-config "
        "file. No configuration found); the user interface of Kubeflow Pipelines shows them as "
        "well."
    )
