"""TensorFlow Serving's REST API on this machine, over a pushed model.

Paths, requests, answers and errors are those of TensorFlow Serving's documentation
(tensorflow_serving/g3doc/api_rest.md): no such server can be installed here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap

# A port that nothing listens on.
CLOSED = "http://127.0.0.1:9"
NAME = "warmstart"

_MODEL = r"/v1/models/([^/:]+)(?:/versions/(\d+))?"


@dataclass
class Server:
    """How a server behaves, and what it was asked.

    Attributes:
        folder: of the version that it serves.
        statuses: it answers with these first, without looking at the request.
        headers: it sends these with them.
        breaks: so many connections it closes without an answer, first.
        pause: seconds until it answers a prediction.
        page: it answers everything with this page, if it is not empty.
        state: of the version; another one than AVAILABLE is not found.
        most_instances: a larger request is refused, as by a server with batching.
        most_bytes: a larger body is refused, as by a proxy.
        hidden: signatures that its metadata lack.
        paths: of all requests.
        instances: number of them, of each request for a prediction.
        bytes: of the body of each request for a prediction.
        at_once: the largest number of predictions that were asked for at the same time.
        url: of the model.
    """

    folder: Path
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    breaks: int = 0
    pause: float = 0.0
    page: str = ""
    state: str = "AVAILABLE"
    most_instances: int = 1000
    most_bytes: int = 1 << 30
    hidden: set[str] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    instances: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    at_once: int = 0
    url: str = ""


class _Http(ThreadingHTTPServer):
    def __init__(self, served: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served
        self.model = _loaded(served.folder)
        self.lock = threading.Lock()
        self.busy = 0
        served.url = f"http://127.0.0.1:{self.server_port}/v1/models/{NAME}"


@cache
def _loaded(folder: Path) -> Any:
    """Loads a model once for all tests: that takes seconds, and its first answer too."""
    return tf.saved_model.load(str(folder))


class _ApiError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, method: Any) -> None:
        served = self.server.served
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        with self.server.lock:
            served.paths.append(self.path)
            broken, status = served.breaks > 0, served.statuses[:1]
            served.breaks -= broken
            if not broken:
                del served.statuses[:1]
        if broken:
            self.close_connection = True
        elif served.page:
            self._send(200, "text/html", served.page.encode(), {})
        elif status:
            said = json.dumps({"error": "as the test wants it"}).encode()
            self._send(status[0], "application/json", said, served.headers)
        else:
            try:
                code, said = 200, method(body)
            except _ApiError as error:
                code, said = error.status, {"error": str(error)}
            self._send(code, "application/json", json.dumps(said, indent=4).encode(), {})

    def _get(self, _: bytes) -> dict[str, Any]:
        found = re.fullmatch(rf"{_MODEL}(/metadata)?", self.path)
        if not found:
            raise _ApiError(400, f"Malformed request: GET {self.path}")
        version = self.server.served.folder.name
        if not found[3]:
            self._check_model(found, any_state=True)
            state = self.server.served.state
            status = {"error_code": "OK", "error_message": ""}
            return {
                "model_version_status": [{"version": version, "state": state, "status": status}]
            }
        self._check_model(found)
        return {
            "model_spec": {"name": NAME, "signature_name": "", "version": version},
            "metadata": {"signature_def": self._signatures()},
        }

    def _signatures(self) -> dict[str, Any]:
        saved = SavedModel.FromString((self.server.served.folder / "saved_model.pb").read_bytes())
        signatures = saved.meta_graphs[0].signature_def
        made = SignatureDefMap()
        for name in signatures.keys() - self.server.served.hidden:
            made.signature_def[name].CopyFrom(signatures[name])
        return MessageToDict(
            made, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )

    def _post(self, body: bytes) -> dict[str, Any]:
        served = self.server.served
        found = re.fullmatch(rf"{_MODEL}:predict", self.path)
        if not found:
            raise _ApiError(400, f"Malformed request: POST {self.path}")
        self._check_model(found)
        request = json.loads(body)
        with self.server.lock:
            served.instances.append(len(request["instances"]))
            served.bytes.append(len(body))
            self.server.busy += 1
            served.at_once = max(served.at_once, self.server.busy)
        try:
            time.sleep(served.pause)
            if len(body) > served.most_bytes:
                raise _ApiError(413, "Request Entity Too Large")
            if len(request["instances"]) > served.most_instances:
                raise _ApiError(400, "Task size is larger than maximum input batch size")
            return {"predictions": self._predictions(request)}
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def _predictions(self, request: dict[str, Any]) -> list[Any]:
        name = request.get("signature_name", "serving_default")
        if name not in self.server.model.signatures:
            raise _ApiError(400, f'Serving signature name: "{name}" not found in signature def')
        signature = self.server.model.signatures[name]
        inputs = {
            tensor: tf.constant([_binary(one[tensor]) for one in request["instances"]])
            for tensor in request["instances"][0]
        }
        try:
            outputs = {key: value.numpy() for key, value in signature(**inputs).items()}
        except tf.errors.InvalidArgumentError as error:
            raise _ApiError(400, error.message) from error
        columns = {
            key: [one.decode() if isinstance(one, bytes) else one for one in value.tolist()]
            for key, value in outputs.items()
        }
        if len(columns) == 1:  # One named output goes without its name.
            return next(iter(columns.values()))
        return [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]

    def _check_model(self, found: re.Match[str], *, any_state: bool = False) -> None:
        served = self.server.served
        wanted = found[2] or served.folder.name
        available = any_state or served.state == "AVAILABLE"
        if found[1] != NAME or wanted != served.folder.name or not available:
            which = f"Specific({found[1]}, {found[2]})" if found[2] else f"Latest({found[1]})"
            raise _ApiError(404, f"Servable not found for request: {which}")

    def _send(self, status: int, kind: str, content: bytes, headers: dict[str, str]) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def _binary(value: Any) -> bytes:
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, KeyError, TypeError) as error:
        raise _ApiError(400, "Unable to base64 decode") from error


@contextmanager
def rest_server(folder: Path) -> Iterator[Server]:
    """Serves the version in a folder."""
    served = Server(folder)
    with _Http(served) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
