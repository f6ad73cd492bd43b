"""Reads what the components of a run logged, from Kubernetes itself.

The API of Kubeflow Pipelines 2 has no logs. Its pods carry the run's id as a label, and Argo writes
into an annotation which task a pod belongs to; both were read in the server's sources.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import kubernetes
import urllib3
from kubernetes.client import ApiException

from pipelines.kubeflow_client.lookup import or_nearest
from pipelines.kubeflow_client.refusals import reason_in
from schemas.errors import ClusterError, ConfigError, first_line, printable

_RUN_LABEL = "pipeline/runid"
_NODE = "workflows.argoproj.io/node-name"

# WORKFLOW.root.TASK.executor, with (0), (1), … behind it for each attempt.
_OF_A_TASK = re.compile(r"\.root\.(?P<task>.+)\.executor(?:\((?P<attempt>\d+)\))?$")
_CONTAINER = "main"

# Seconds to connect, and between two pieces of a log.
_TIMEOUT = (5, 60)


@dataclass(frozen=True)
class TaskPod:
    """A pod that ran a component.

    Attributes:
        task: the component.
        attempt: 0 for the first.
        name: of the pod.
        phase: as Kubernetes names it, such as Running.
        started: when it was made.
    """

    task: str
    attempt: int
    name: str
    phase: str
    started: datetime


class Pods:
    """The pods of a namespace."""

    def __init__(self, namespace: str, context: str | None) -> None:
        """Finds the cluster by a kubeconfig, or by the pod that this runs in.

        Args:
            namespace: where the runs are.
            context: of the kubeconfig; None: its current one.

        Raises:
            ConfigError: if there is neither.
        """
        self._namespace = namespace
        configuration = _configuration(context)
        configuration.retries = False
        self._address = configuration.host
        self._api: Any = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))

    def of_run(self, run_id: str) -> list[TaskPod]:
        """Returns the pods of a run that are still there, in the order of their start.

        Raises:
            ClusterError: if Kubernetes refuses or does not answer, or has none any more.
        """
        with self._asked():
            answer = self._api.list_namespaced_pod(
                self._namespace,
                label_selector=f"{_RUN_LABEL}={run_id}",
                _request_timeout=_TIMEOUT,
            )
        pods = [pod for pod in map(_task_pod, answer.items) if pod]
        if not pods:
            raise ClusterError(
                f"There are no pods of run {run_id} in namespace {self._namespace}: they are "
                "removed some time after a run, or are in another one (--namespace); the user "
                "interface of Kubeflow Pipelines shows logs that were archived."
            )
        return sorted(pods, key=lambda pod: (pod.started, pod.task, pod.attempt))

    def log(self, pod: TaskPod) -> Iterator[bytes]:
        """Yields what a pod has logged so far.

        Raises:
            ClusterError: if Kubernetes refuses or does not answer.
        """
        with self._asked():
            answer = self._api.read_namespaced_pod_log(
                pod.name,
                self._namespace,
                container=_CONTAINER,
                _preload_content=False,
                _request_timeout=_TIMEOUT,
            )
            try:
                yield from answer.stream(1 << 16)
            finally:
                answer.release_conn()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            error.headers = None
            raise ClusterError(self._refused(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(
                f"Kubernetes at {self._address} cannot be reached ({reason_in(str(error))}); check "
                "the kubeconfig, or name a context with --kube-context."
            ) from error

    def _refused(self, error: ApiException) -> str:
        if error.status in {401, 403}:
            return (
                f"Kubernetes at {self._address} does not let you read logs in namespace "
                f"{self._namespace} ({error.status}): ask for the right to get pods and pods/log "
                "there, or name another one with --namespace."
            )
        if error.status == 400:
            return "The pod has not started yet, so that there is no log (400); try again later."
        return f"Kubernetes at {self._address} answers {error.status} {error.reason}."


def _configuration(context: str | None) -> Any:
    """Returns the way to the cluster: a kubeconfig, or what a pod of it has."""
    found = kubernetes.client.Configuration()
    try:
        kubernetes.config.load_kube_config(context=context, client_configuration=found)
    except kubernetes.config.ConfigException as error:
        if not context and "KUBERNETES_SERVICE_HOST" in os.environ:
            kubernetes.config.load_incluster_config(client_configuration=found)
            return found
        raise ConfigError(
            "Logs are read from Kubernetes, for which a kubeconfig is needed "
            f"({first_line(error).rstrip('.')}); the user interface of Kubeflow Pipelines shows "
            "them as well."
        ) from error
    return found


def chosen_pods(pods: list[TaskPod], task: str | None) -> list[TaskPod]:
    """Returns the pods of one task, or all.

    Args:
        pods: of a run.
        task: as Argo names it, such as image-example-gen, or as TFX does: ImageExampleGen.

    Raises:
        ConfigError: if there is no such task.
    """
    if task is None:
        return pods
    found = [pod for pod in pods if _folded(pod.task) == _folded(task)]
    if not found:
        names = list(dict.fromkeys(pod.task for pod in pods))
        raise ConfigError(f"--task {printable(task)}: {or_nearest(task, names, 'task')}")
    return found


def _folded(name: str) -> str:
    return name.replace("-", "").lower()


def _task_pod(pod: Any) -> TaskPod | None:
    found = _OF_A_TASK.search((pod.metadata.annotations or {}).get(_NODE, ""))
    if not found:
        return None  # A driver's.
    return TaskPod(
        task=found["task"],
        attempt=int(found["attempt"] or 0),
        name=pod.metadata.name,
        phase=pod.status.phase or "Unknown",
        started=pod.metadata.creation_timestamp or datetime.max.replace(tzinfo=UTC),
    )
