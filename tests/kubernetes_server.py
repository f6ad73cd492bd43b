"""The API of Kubernetes on this machine, as far as pods and their logs go.

Requests are checked against the API as its own generated client publishes it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import kubernetes.client
from published_api import PublishedApi


class _Pods:
    """The methods of the client that are answered here: reading all 400 of them takes seconds."""

    list_namespaced_pod_with_http_info = (
        kubernetes.client.CoreV1Api.list_namespaced_pod_with_http_info
    )
    read_namespaced_pod_log_with_http_info = (
        kubernetes.client.CoreV1Api.read_namespaced_pod_log_with_http_info
    )


API = PublishedApi([_Pods], kubernetes.client)


@dataclass
class KubernetesServer:
    """What a cluster holds, and what it was asked.

    Attributes:
        token: that a request must carry.
        status: it answers everything with this one, if it is not 0.
        pods: as the API shows them.
        logs: by name of the pod.
        complaints: what a real server would not have understood.
        url: of it.
    """

    token: str
    status: int = 0
    pods: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, bytes] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    url: str = ""

    def add_pod(
        self, run_id: str, node: str, log: bytes, *, minute: int = 0, namespace: str = "kubeflow"
    ) -> None:
        """Adds a pod as Argo makes it for a node of a run's workflow."""
        name = f"photos-abc-system-container-impl-{len(self.pods)}"
        self.pods.append(
            {
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "creationTimestamp": f"2026-11-26T07:{minute:02}:00Z",
                    "labels": {"pipeline/runid": run_id},
                    "annotations": {"workflows.argoproj.io/node-name": f"photos-abc.{node}"},
                },
                "spec": {"containers": []},
                "status": {"phase": "Succeeded"},
            }
        )
        self.logs[name] = log

    def write_kubeconfig(self, file: Path) -> Path:
        """Writes what leads a client here."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "users": [{"name": "ann", "user": {"token": self.token}}],
            "clusters": [{"name": "kind", "cluster": {"server": self.url}}],
            "contexts": [{"name": "kind", "context": {"cluster": "kind", "user": "ann"}}],
            "current-context": "kind",
        }
        file.write_text(json.dumps(config))
        return file


class _Http(ThreadingHTTPServer):
    def __init__(self, served: KubernetesServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served
        served.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        served = self.server.served
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query))
        found = API.find("GET", address.path)
        if not found:
            served.complaints.append(f"GET {address.path} is not known")
            return self._refuse(404)
        operation, names = found
        served.complaints += API.wrong_in_request(operation, query, None)
        if served.status:
            return self._refuse(served.status)
        if self.headers["Authorization"] != f"Bearer {served.token}":
            return self._refuse(401)
        if operation.name == "list_namespaced_pod":
            return self._list(names["namespace"], query)
        if query != {"container": "main"}:
            served.complaints.append(f"a log with {query}")
        return self._send(200, served.logs[names["name"]], "text/plain")

    def _list(self, namespace: str, query: dict[str, str]) -> None:
        served = self.server.served
        key, _, value = query["labelSelector"].partition("=")
        found = [
            pod
            for pod in served.pods
            if pod["metadata"]["namespace"] == namespace
            and pod["metadata"]["labels"].get(key) == value
        ]
        said = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": found}
        self._send(200, json.dumps(said).encode())

    def _refuse(self, status: int) -> None:
        said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
        self._send(status, json.dumps(said).encode())

    def _send(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def kubernetes_server(token: str) -> Iterator[KubernetesServer]:
    """Serves a cluster that has no pods yet; complaints fail the test."""
    served = KubernetesServer(token)
    with _Http(served) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
    assert not served.complaints, "\n".join(served.complaints)
