"""A server of Kubeflow Pipelines on this machine: its API v2beta1, as far as its state goes.

No such server can be installed here. Requests and answers are checked against the API as its own
generated client publishes it, and what it does with them was read in its sources
(backend/src/apiserver): whatever is not known is kept as a complaint, which fails the test.
"""

from __future__ import annotations

import itertools
import json
import re
import ssl
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from published_api import Operation, PublishedApi

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kfp_server_api

# The secret that it hands out with its refusals, as what stands before a server may do.
SESSION = "granted-4e8b6d10"

# A port that nothing listens on.
CLOSED = "http://127.0.0.1:9"

# As the server counts them in one page, whatever is asked for.
_MOST_IN_A_PAGE = 200

# Where Kubernetes hands requests on to the service of Kubeflow Pipelines.
_PROXY = "/api/v1/namespaces/kubeflow/services/ml-pipeline:http/proxy"

API = PublishedApi(
    [
        getattr(kfp_server_api, name)
        for name in dir(kfp_server_api)
        if name.endswith("ServiceApi") and not name.startswith("Dummy")
    ],
    kfp_server_api,
)


@dataclass
class Fault:
    """What goes wrong with some requests.

    Attributes:
        where: pattern of method and path, such as `POST .*/runs`.
        status: of the answer; 0: the connection is closed without one.
        times: how often.
        done: the request is carried out all the same, only the answer is lost.
        pause: seconds until then.
        says: the message of the answer.
    """

    where: str
    status: int
    times: int = 1
    done: bool = False
    pause: float = 0.0
    says: str = "as the test wants it"


@dataclass
class KfpServer:
    """How a server behaves, what it holds, and what it was asked.

    Attributes:
        multi_user: several users share it.
        follows: schedules without a version take the newest one, as from 2.5 on.
        token: that a request must carry, if it is not empty.
        later_token: that a request may carry instead.
        cookies: that a request must carry, if it is not empty.
        page: it answers everything with this page, if it is not empty.
        leads_to: it sends everything to this address, if it is not empty.
        faults: what goes wrong.
        asked: method and path of each request.
        later_token_used: a request carried the later token.
        complaints: what a real server would not have understood, or not have said.
        behind_proxy: requests come through the API of Kubernetes.
        url: of it.
        wrap: gives it a certificate.
    """

    multi_user: bool = False
    follows: bool = True
    token: str = ""
    later_token: str = ""
    cookies: str = ""
    page: str = ""
    leads_to: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    later_token_used: bool = False
    complaints: list[str] = field(default_factory=list)
    behind_proxy: bool = False
    url: str = ""
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    pipelines: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrap: Callable[[Path], None] = field(default=lambda _: None)
    _ticks: Iterator[int] = field(default_factory=itertools.count)

    def behind_tls(self, certificate: Path) -> None:
        """Speaks HTTPS from now on.

        Args:
            certificate: with its key.
        """
        self.wrap(certificate)
        self.url = self.url.replace("http://", "https://")

    def now(self) -> str:
        """Returns a time a second after the one before, so that what is newest is certain."""
        moment = datetime(2026, 11, 26, 7, tzinfo=UTC) + timedelta(seconds=next(self._ticks))
        return moment.isoformat().replace("+00:00", "Z")

    def add_run(self, name: str, state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
        """Adds a run that somebody has started."""
        run = {
            "run_id": str(uuid.uuid4()),
            "display_name": name,
            "state": state,
            "created_at": self.now(),
            "finished_at": self.now() if state != "RUNNING" else "1970-01-01T00:00:00Z",
            "storage_state": "AVAILABLE",
            "run_details": {"task_details": []},
        } | more
        self.runs[run["run_id"]] = run
        return run

    def add_task(self, run: dict[str, Any], name: str, state: str, **more: Any) -> dict[str, Any]:
        """Adds a task to a run."""
        task = {
            "run_id": run["run_id"],
            "task_id": str(uuid.uuid4()),
            "display_name": name,
            "state": state,
            "start_time": self.now(),
            "end_time": self.now() if state != "RUNNING" else "1970-01-01T00:00:00Z",
        } | more
        run["run_details"]["task_details"].append(task)
        return task

    @property
    def enabled(self) -> list[str]:
        """Names of the schedules that start runs."""
        return [s["display_name"] for s in self.schedules.values() if s["status"] == "ENABLED"]


class _RefusalError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Http(ThreadingHTTPServer):
    def __init__(self, served: KfpServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served
        self.lock = threading.Lock()
        served.url = f"http://127.0.0.1:{self.server_port}"
        served.wrap = self._wrap

    def _wrap(self, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Says nothing of clients that do not trust the certificate."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    # Otherwise each answer waits 40 ms for the client to acknowledge its head.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        served = self.server.served
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        address = urlsplit(self.path)
        path = address.path
        if served.behind_proxy:
            if not path.startswith(_PROXY):
                served.complaints.append(f"{path} does not go through the proxy")
            path = path.removeprefix(_PROXY)
        with self.server.lock:
            served.asked.append(f"{self.command} {path}")
            fault = self._fault(f"{self.command} {path}")
            if served.page:
                return self._send(200, served.page.encode(), kind="text/html; charset=utf-8")
            if served.leads_to:
                return self._send(302, b"", Location=served.leads_to)
            if fault and not fault.done:
                return self._fail(fault)
            try:
                said = self._carried_out(path, dict(parse_qsl(address.query)), body)
            except _RefusalError as error:
                return self._refuse(error.status, str(error))
        if fault:
            return self._fail(fault)
        return self._send(200, json.dumps(said).encode())

    def _fault(self, asked: str) -> Fault | None:
        for fault in self.server.served.faults:
            if fault.times and re.fullmatch(fault.where, asked):
                fault.times -= 1
                return fault
        return None

    def _fail(self, fault: Fault) -> None:
        time.sleep(fault.pause)
        if fault.status:
            self._refuse(fault.status, fault.says)
        else:
            self.close_connection = True

    def _refuse(self, status: int, message: str) -> None:
        said = {"error": message, "code": 13, "message": message, "details": []}
        self._send(status, json.dumps(said).encode(), **{"Set-Cookie": f"session={SESSION}"})

    def _carried_out(self, path: str, query: dict[str, str], body: bytes) -> Any:
        served = self.server.served
        sent = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        if served.token and sent not in {served.token, served.later_token or served.token}:
            raise _RefusalError(401, f"Request header error: {sent}")
        served.later_token_used |= bool(sent) and sent == served.later_token
        if served.cookies and self.headers["Cookie"] != served.cookies:
            raise _RefusalError(401, "Request header error: there is no user identity header.")
        found = API.find(self.command, path)
        if not found:
            served.complaints.append(f"{self.command} {path} is not known")
            raise _RefusalError(404, "Not Found")
        operation, names = found
        sent = self._form(operation, body) if operation.file else json.loads(body or b"null")
        wrong = API.wrong_in_request(operation, query, None if operation.file else sent)
        served.complaints += [f"{self.command} {path}: {text}" for text in wrong]
        said = _METHODS[operation.name](served, names | query, sent)
        wrong = API.wrong_in(said, operation.answer, "answer")
        served.complaints += [f"{self.command} {path}: {text}" for text in wrong]
        return said

    def _form(self, operation: Operation, body: bytes) -> bytes:
        """Returns the file of a form, which has nothing else."""
        kind = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(kind + body).get_payload()
        names = [part.get_param("name", header="Content-Disposition") for part in parts]
        if names != [operation.file]:
            self.server.served.complaints.append(f"{self.path}: the form has {names}")
        return parts[0].get_payload(decode=True)

    def _send(
        self, status: int, content: bytes, *, kind: str = "application/json", **headers: str
    ) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _health(served: KfpServer, _: dict[str, str], __: None) -> Any:
    return {"multi_user": served.multi_user}


def _check_namespace(served: KfpServer, namespace: str | None) -> None:
    if served.multi_user and not namespace:
        raise _RefusalError(400, "A request cannot have an empty namespace in multi-user mode")
    if namespace and not served.multi_user:
        raise _RefusalError(400, "In single-user mode, a request shouldn't contain namespace.")


def _page(
    served: KfpServer, every: Iterator[dict[str, Any]], query: dict[str, str], name: str
) -> dict[str, Any]:
    """Returns a page of a list, filtered and sorted as asked."""
    entries = list(every)
    for predicate in _predicates(served, query.get("filter", "")):
        key, value = predicate["key"], predicate["string_value"]
        entries = [one for one in entries if one.get(key) == value]
    key, _, direction = query.get("sort_by", "created_at").partition(" ")
    entries.sort(key=lambda one: one[key], reverse=direction == "desc")
    begin = int(query.get("page_token") or 0)
    size = min(int(query.get("page_size") or 20), _MOST_IN_A_PAGE)
    answer: dict[str, Any] = {name: entries[begin : begin + size], "total_size": len(entries)}
    if begin + size < len(entries):
        answer["next_page_token"] = str(begin + size)
    return {key: value for key, value in answer.items() if value}


def _predicates(served: KfpServer, text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    wanted = json.loads(text)
    served.complaints += API.wrong_in(wanted, "V2beta1Filter", "filter")
    if any(one["operation"] != "EQUALS" for one in wanted["predicates"]):
        served.complaints.append(f"only EQUALS is carried out here: {text}")
    return wanted["predicates"]


def _create_experiment(served: KfpServer, _: dict[str, str], body: dict[str, Any]) -> Any:
    _check_namespace(served, body.get("namespace"))
    if any(one["display_name"] == body["display_name"] for one in served.experiments.values()):
        raise _RefusalError(409, "Already exist error: Failed to create a new experiment.")
    made = body | {
        "experiment_id": str(uuid.uuid4()),
        "created_at": served.now(),
        "storage_state": "AVAILABLE",
    }
    served.experiments[made["experiment_id"]] = made
    return made


def _list_experiments(served: KfpServer, query: dict[str, str], _: None) -> Any:
    _check_namespace(served, query.get("namespace"))
    return _page(served, iter(served.experiments.values()), query, "experiments")


def _create_pipeline(served: KfpServer, _: dict[str, str], body: dict[str, Any]) -> Any:
    if any(one["display_name"] == body["display_name"] for one in served.pipelines.values()):
        raise _RefusalError(409, "Already exist error: Failed to create a new pipeline.")
    made = body | {"pipeline_id": str(uuid.uuid4()), "created_at": served.now()}
    served.pipelines[made["pipeline_id"]] = made
    return made


def _list_pipelines(served: KfpServer, query: dict[str, str], _: None) -> Any:
    return _page(served, iter(served.pipelines.values()), query, "pipelines")


def _list_versions(served: KfpServer, query: dict[str, str], _: None) -> Any:
    mine = (one for one in served.versions.values() if one["pipeline_id"] == query["pipeline_id"])
    return _page(served, mine, query, "pipeline_versions")


def _upload_version(served: KfpServer, query: dict[str, str], file: bytes) -> Any:
    if query["pipelineid"] not in served.pipelines:
        raise _RefusalError(400, "Failed to create a pipeline version")
    mine = [one for one in served.versions.values() if one["pipeline_id"] == query["pipelineid"]]
    if any(one["display_name"] == query["name"] for one in mine):
        raise _RefusalError(409, "Failed to create a pipeline version")
    pipeline, *_ = yaml.safe_load_all(file)
    if pipeline.get("schemaVersion") != "2.1.0":
        raise _RefusalError(400, "KFP only supports schema version 2.1.0")
    made = {
        "pipeline_id": query["pipelineid"],
        "pipeline_version_id": str(uuid.uuid4()),
        "display_name": query["name"],
        "created_at": served.now(),
        "pipeline_spec": pipeline,
    }
    served.versions[made["pipeline_version_id"]] = made
    return made


def _newest(served: KfpServer, pipeline_id: str) -> dict[str, Any]:
    mine = [one for one in served.versions.values() if one["pipeline_id"] == pipeline_id]
    if not mine:
        raise _RefusalError(404, "Failed to get the latest pipeline version for a pipeline")
    return max(mine, key=lambda one: one["created_at"])


def _check_experiment(served: KfpServer, body: dict[str, Any]) -> None:
    if body.get("experiment_id") not in served.experiments:
        raise _RefusalError(404, f"Experiment {body.get('experiment_id')} not found")


def _create_run(served: KfpServer, _: dict[str, str], body: dict[str, Any]) -> Any:
    _check_experiment(served, body)
    spec = body["pipeline_spec"]
    _check_parameters(spec.get("pipeline_spec", spec), body)
    return served.add_run(body["display_name"], "PENDING", **body)


def _check_parameters(spec: dict[str, Any], body: dict[str, Any]) -> None:
    known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name in body.get("runtime_config", {}).get("parameters", {}):
        if name not in known:
            raise _RefusalError(
                400, f"parameter {name} is not found in the pipeline job's spec inputs"
            )


def _list_runs(served: KfpServer, query: dict[str, str], _: None) -> Any:
    if not query.get("experiment_id"):
        _check_namespace(served, query.get("namespace"))
    wanted = query.get("experiment_id")
    mine = (one for one in served.runs.values() if wanted in {None, one.get("experiment_id")})
    return _page(served, mine, query, "runs")


def _get_run(served: KfpServer, names: dict[str, str], _: None) -> Any:
    return _held(served.runs, "Run", names["run_id"])


def _held(entries: dict[str, dict[str, Any]], kind: str, key: str) -> dict[str, Any]:
    if key not in entries:
        raise _RefusalError(404, f"{kind} {key} not found")
    return entries[key]


def _create_schedule(served: KfpServer, _: dict[str, str], body: dict[str, Any]) -> Any:
    _check_experiment(served, body)
    reference = body["pipeline_version_reference"]
    newest = _newest(served, reference["pipeline_id"])
    _check_parameters(newest["pipeline_spec"], body)
    if not 1 <= int(body["max_concurrency"]) <= 10:
        raise _RefusalError(
            400, "Max concurrency of a recurring run must be at least 1 and at most 10."
        )
    if not served.follows:
        reference = {"pipeline_version_id": newest["pipeline_version_id"]} | reference
    made = body | {
        "recurring_run_id": str(uuid.uuid4()),
        "pipeline_version_reference": reference,
        "status": "ENABLED" if body["mode"] == "ENABLE" else "DISABLED",
        "created_at": served.now(),
        "namespace": "kubeflow",
    }
    # Protocol buffers have one kind of number.
    for key, value in made.get("runtime_config", {}).get("parameters", {}).items():
        if isinstance(value, int) and not isinstance(value, bool):
            made["runtime_config"]["parameters"][key] = float(value)
    served.schedules[made["recurring_run_id"]] = made
    return made


def _list_schedules(served: KfpServer, query: dict[str, str], _: None) -> Any:
    _check_namespace(served, query.get("namespace"))
    return _page(served, iter(served.schedules.values()), query, "recurringRuns")


def _get_schedule(served: KfpServer, names: dict[str, str], _: None) -> Any:
    return _held(served.schedules, "Job", names["recurring_run_id"])


def _switched(status: str) -> Callable[[KfpServer, dict[str, str], None], Any]:
    def switch(served: KfpServer, names: dict[str, str], _: None) -> Any:
        _held(served.schedules, "Job", names["recurring_run_id"])["status"] = status
        return {}

    return switch


def _delete_schedule(served: KfpServer, names: dict[str, str], _: None) -> Any:
    _held(served.schedules, "Job", names["recurring_run_id"])
    if names.get("propagation_policy") != "ORPHAN":
        served.complaints.append("the pods of the schedule's runs would be deleted as well")
    del served.schedules[names["recurring_run_id"]]
    return {}


_METHODS: dict[str, Callable[[KfpServer, dict[str, str], Any], Any]] = {
    "healthz_service_get_healthz": _health,
    "experiment_service_create_experiment": _create_experiment,
    "experiment_service_list_experiments": _list_experiments,
    "pipeline_service_create_pipeline": _create_pipeline,
    "pipeline_service_list_pipelines": _list_pipelines,
    "pipeline_service_list_pipeline_versions": _list_versions,
    "upload_pipeline_version": _upload_version,
    "run_service_create_run": _create_run,
    "run_service_list_runs": _list_runs,
    "run_service_get_run": _get_run,
    "recurring_run_service_create_recurring_run": _create_schedule,
    "recurring_run_service_list_recurring_runs": _list_schedules,
    "recurring_run_service_get_recurring_run": _get_schedule,
    "recurring_run_service_enable_recurring_run": _switched("ENABLED"),
    "recurring_run_service_disable_recurring_run": _switched("DISABLED"),
    "recurring_run_service_delete_recurring_run": _delete_schedule,
}


@contextmanager
def kfp_server() -> Iterator[KfpServer]:
    """Serves an installation that holds nothing yet; complaints fail the test."""
    served = KfpServer()
    with _Http(served) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
    assert not served.complaints, "\n".join(served.complaints)
