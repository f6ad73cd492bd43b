"""Classifies photos with a model behind TensorFlow Serving's REST API. Without TensorFlow.

The API: https://www.tensorflow.org/tfx/serving/api_rest. It answers a request with labels and
probabilities; the names of the classes it does not tell.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from components.connection import failure
from components.serving.classification import NO_IMAGE, Answer, RefusedPhotosError
from schemas import features, serving
from schemas.addresses import without_passwords
from schemas.errors import ConfigError, ModelError, printable, shortened_list

# Seconds to wait before each further attempt.
PAUSES = (0.5, 1.0, 2.0)

# Seconds to connect, and to wait for an answer: a batch on a busy server with a large model.
TIMEOUTS = (10.0, 120.0)

_AT_ONCE = 4
_LONGEST_PAUSE = 30.0  # Seconds, whatever the server asks for.
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_FORM = "http://host:8501/v1/models/NAME, or the same with /versions/N behind"
_PATH = re.compile(r"((?:/[^/]+)*?/v1/models/[^/:]+)(/versions/\d+|/labels/[^/:]+)?/?")


class ServedModel:
    """A model of TensorFlow Serving with the signatures of `schemas.serving`.

    The version that is served first answers all: another may have other classes.
    """

    at_once = _AT_ONCE

    def __init__(self, url: str, classes: Sequence[str] | None = None) -> None:
        """Asks the server what it serves.

        Args:
            url: `http://host:8501/v1/models/NAME`, perhaps with `/versions/N` or `/labels/L`.
            classes: names in the order of the probabilities, which the server is asked about; None
                if they are not known.

        Raises:
            ConfigError: if the address has another form.
            ModelError: if there is no such server or model, it is not one of this project, or has
                other classes.
        """
        check_url(url)
        self._named = printable(without_passwords(url))
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_AT_ONCE))
        url = url.rstrip("/")
        metadata = self._metadata(url)
        self._check_signature(metadata)
        outputs = metadata["metadata"]["signature_def"]["signature_def"][serving.SERVING_BYTES]
        try:
            shape = outputs["outputs"][serving.PROBABILITIES_OUTPUT]["tensor_shape"]["dim"]
            self.class_count = int(shape[1]["size"])
            version = int(metadata["model_spec"]["version"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._not_serving("its metadata are of another form") from error
        path = _PATH.fullmatch(urlsplit(url).path)
        plain = url.removesuffix(path[2]) if path and path[2] else url
        self._version = f"{plain}/versions/{version}"
        self.classes = classes
        if classes is not None:
            self._check_classes(classes)

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def classify(self, contents: Sequence[bytes]) -> list[Answer]:
        """Classifies files that TensorFlow's decoders read, in one request.

        Raises:
            RefusedPhotosError: if the server cannot decode one of them, or they are too large.
            ModelError: if the server fails.
        """
        predictions = self._predict(serving.SERVING_BYTES, serving.IMAGE_BYTES_INPUT, contents)
        try:
            answers = [
                Answer(
                    prediction[serving.LABEL_OUTPUT],
                    [float(share) for share in prediction[serving.PROBABILITIES_OUTPUT]],
                )
                for prediction in predictions
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_serving("its predictions are of another form") from error
        if any(len(answer.probabilities) != self.class_count for answer in answers):
            raise self._not_serving("its predictions have another number of classes")
        return answers

    def _metadata(self, url: str) -> Any:
        response = self._send("GET", f"{url}/metadata")
        said = _json(response)
        if response.status_code == HTTPStatus.NOT_FOUND and _error(said):
            raise self._unknown_model(url, _error(said))
        self._check_answered(response, said)
        if not isinstance(said, dict) or not {"model_spec", "metadata"} <= said.keys():
            raise self._not_serving("it answers something else")
        return said

    def _unknown_model(self, url: str, said: str) -> ModelError:
        """Tells a model that is being loaded, or failed to, from one that is not there."""
        states = _json(self._send("GET", url))
        versions = states.get("model_version_status") if isinstance(states, dict) else None
        if isinstance(versions, list) and versions:
            named = shortened_list(f"{one.get('version')} {one.get('state')}" for one in versions)
            return ModelError(
                f"{self._named}: no version of the model is in service ({named}); wait until it is "
                "loaded, or see the server's log."
            )
        return ModelError(
            f"{self._named}: the server has no such model or version ({said}); correct --url, or "
            "serve the model under this name."
        )

    def _check_signature(self, metadata: Any) -> None:
        try:
            present = sorted(metadata["metadata"]["signature_def"]["signature_def"])
        except (KeyError, TypeError) as error:
            raise self._not_serving("its metadata are of another form") from error
        if serving.SERVING_BYTES not in present:
            raise ModelError(
                f"{self._named}: the model has no signature {serving.SERVING_BYTES} (it has: "
                f"{shortened_list(present) or 'none'}); serve a model that `warmstart pipeline "
                "run` pushed."
            )

    def _check_classes(self, classes: Sequence[str]) -> None:
        """Asks the model for the number of each name: only its own classes have one."""
        examples = [_label_example(name) for name in classes]
        try:
            numbers = self._predict(serving.TRANSFORM_FEATURES, serving.EXAMPLES_INPUT, examples)
        except RefusedPhotosError as error:
            raise self._other_classes() from error
        if len(classes) != self.class_count or numbers != list(range(len(classes))):
            raise self._other_classes()

    def _other_classes(self) -> ModelError:
        return ModelError(
            f"{self._named}: the server's model has other classes than MODEL_DIR; name the folder "
            "of the version that is served, or leave it out."
        )

    def _predict(self, signature: str, tensor: str, values: Sequence[bytes]) -> list[Any]:
        instances = [{tensor: {"b64": base64.b64encode(value).decode()}} for value in values]
        body = json.dumps({"signature_name": signature, "instances": instances}).encode()
        response = self._send("POST", f"{self._version}:predict", body)
        said = _json(response)
        if response.status_code == HTTPStatus.BAD_REQUEST and _error(said):
            raise RefusedPhotosError(NO_IMAGE)
        if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise RefusedPhotosError("larger than the server takes")
        if response.status_code == HTTPStatus.NOT_FOUND and _error(said):
            raise ModelError(
                f"{self._named}: the server took the version out of service meanwhile; run the "
                "same command again."
            )
        self._check_answered(response, said)
        predictions = said.get("predictions") if isinstance(said, dict) else None
        if not isinstance(predictions, list) or len(predictions) != len(values):
            raise self._not_serving("its predictions are of another form")
        return predictions

    def _send(self, method: str, url: str, body: bytes | None = None) -> requests.Response:
        """Sends a request, again if it did not get through or the server is busy."""
        headers = {"Content-Type": "application/json"} if body else {}
        pauses = iter(PAUSES)
        while True:
            pause = next(pauses, None)
            try:
                response = self._session.request(
                    method, url, data=body, headers=headers, timeout=TIMEOUTS
                )
            except requests.RequestException as error:
                # A proxy or certificate that is refused once is refused again.
                lost = type(error) in {requests.ConnectionError, requests.ConnectTimeout}
                if pause is None or not lost:
                    raise self._unreachable(error) from error
            else:
                if pause is None or response.status_code not in _BUSY:
                    return response
                pause = max(pause, _asked_pause(response))
            time.sleep(pause)

    def _unreachable(self, error: requests.RequestException) -> ModelError:
        if isinstance(error, requests.exceptions.SSLError):
            return ModelError(
                f"{self._named}: no connection by HTTPS ({_tls_failure(error)}); write http:// if "
                "the server has no HTTPS, or name its authority's certificate in "
                "REQUESTS_CA_BUNDLE."
            )
        if isinstance(error, requests.ReadTimeout):
            return ModelError(
                f"{self._named}: no answer within {TIMEOUTS[1]:g} seconds; see the server's log, "
                "and run the same command again."
            )
        return ModelError(
            f"{self._named}: no connection ({failure(error)}); start TensorFlow Serving there, or "
            "name its REST port, which is 8501 by default, in --url."
        )

    def _check_answered(self, response: requests.Response, said: Any) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        what = f"{status} {response.reason}".rstrip()
        if status in _BUSY:
            raise ModelError(
                f"{self._named}: the server is busy ({what}); run the same command later."
            )
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ModelError(
                f"{self._named}: the server refuses access ({what}); ask those who run it."
            )
        if _error(said):
            raise ModelError(
                f"{self._named}: the server failed ({what}: {_error(said)}); see the server's log."
            )
        raise self._not_serving(f"it answers {what}")

    def _not_serving(self, what: str) -> ModelError:
        return ModelError(
            f"{self._named} is not TensorFlow Serving's REST API: {what}; name its REST port, "
            "which is 8501 by default, in --url."
        )


def check_url(url: str) -> None:
    """Makes sure that an address is one of a model, without connecting.

    Raises:
        ConfigError: if not.
    """
    what = ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        what = f"it is no address ({str(error)[:1].lower()}{str(error)[1:]})"
    else:
        if parts.scheme not in {"http", "https"}:
            what = "it does not begin with http:// or https://"
        elif not parts.hostname or port == 0 or not url.isprintable() or " " in url:
            what = "it names no server"
        elif parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
            what = "it does not end with /v1/models/NAME"
    if what:
        raise ConfigError(f"--url {printable(url)}: {what}; write {_FORM}.")


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _error(said: Any) -> str:
    """Returns the first line of the message of an answer that has TensorFlow Serving's form."""
    message = said.get("error") if isinstance(said, dict) else None
    return message.strip().split("\n", 1)[0].rstrip(".") if isinstance(message, str) else ""


def _asked_pause(response: requests.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else 0.0


def _tls_failure(error: BaseException) -> str:
    """Finds OpenSSL's words, such as "wrong version number"."""
    found = re.search(r"\[SSL[^]]*\] ([^(']+)|certificate verify failed: ([^(']+)", str(error))
    return next(filter(None, found.groups())).strip() if found else "the handshake failed"


def _label_example(label: str) -> bytes:
    """Returns a serialized tf.Example with a label and nothing else.

    Its classes come with TensorFlow only, which takes seconds to import.
    """
    value = _field(_field(label.encode()))  # Feature.bytes_list, BytesList.value
    entry = _field(features.LABEL.encode()) + _field(value, number=2)  # Key and value of the map.
    return _field(_field(entry))  # Example.features, Features.feature


def _field(content: bytes, number: int = 1) -> bytes:
    """Encodes a field of a protocol buffer whose value has a length."""
    length, size = len(content), bytearray([number << 3 | 2])
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([*size, length]) + content
