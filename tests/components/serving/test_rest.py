"""The client of TensorFlow Serving's REST API, against a server that answers as documented."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import tensorflow as tf
from photo_files import add, encoded, file_of, noise
from rest_server import CLOSED, Server, rest_server

from components.serving import classification, rest
from components.serving.classification import NO_IMAGE, Photo, Prediction, classified
from components.serving.model_folder import read_classes
from components.serving.pushed_model import PushedModel
from components.serving.rest import ServedModel, check_url
from schemas.errors import ConfigError, ModelError

FORM = "write http://host:8501/v1/models/NAME, or the same with /versions/N behind."
PORT = "name its REST port, which is 8501 by default, in --url."


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def served(pushed_model: Path) -> Iterator[Server]:
    with rest_server(pushed_model) as served:
        yield served


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    """A JPEG, a broken one, a TIFF and another JPEG."""
    contents = {
        "a.jpg": encoded(1, size=40),
        "b.jpg": encoded(2, size=40)[:400],
        "c.tiff": file_of(noise(3, 40), "TIFF"),
        "d.jpg": encoded(4, size=40),
    }
    return [Photo(name, str(add(tmp_path, name, one))) for name, one in contents.items()]


def predicted(url: str, photos: list[Photo], classes: list[str] | None = None) -> list[Prediction]:
    with closing(ServedModel(url, classes)) as model:
        return [*classified(photos, model)]


def refusal(url: str, classes: list[str] | None = None) -> str:
    """Returns what a server is refused with."""
    with pytest.raises(ModelError) as error:
        predicted(url, [], classes)
    return str(error.value)


def test_answers_are_those_of_the_pushed_model(
    served: Server, pushed_model: Path, photos: list[Photo]
) -> None:
    here = [*classified(photos, PushedModel(pushed_model))]

    there = predicted(served.url, photos, read_classes(pushed_model))

    assert [one.error for one in there] == [None, NO_IMAGE, None, None]
    for one, other in zip(there, here, strict=True):
        assert (one.path, one.label, one.error) == (other.path, other.label, other.error)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-6)
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_probabilities_have_no_names_where_no_folder_tells_them(
    served: Server, pushed_model: Path, photos: list[Photo]
) -> None:
    named = predicted(served.url, photos[:1], read_classes(pushed_model))[0].probabilities
    plain = predicted(served.url, photos[:1])[0].probabilities

    assert isinstance(named, dict)
    assert plain == list(named.values())


@pytest.mark.parametrize("change", ["renamed", "fewer", "more", "swapped"])
def test_names_that_are_not_the_models_are_refused(
    served: Server, pushed_model: Path, change: str
) -> None:
    classes = read_classes(pushed_model)
    other = {
        "renamed": [*classes[:-1], "another"],
        "fewer": classes[:-1],
        "more": [*classes, "another"],
        "swapped": [*classes[2:], *classes[:2]],
    }[change]

    assert refusal(served.url, other) == (
        f"{served.url}: the server's model has other classes than MODEL_DIR; name the folder of "
        "the version that is served, or leave it out."
    )


def test_label_is_encoded_as_tensorflow_does() -> None:
    label = "Kätz\nchen" * 60

    feature = tf.train.Example.FromString(rest._label_example(label)).features.feature

    assert list(feature) == ["label"]
    assert feature["label"].bytes_list.value[:] == [label.encode()]


def test_requests_are_bounded_and_some_in_flight(
    served: Server, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    served.pause = 0.3
    photos = [Photo(str(number), photos[0].place) for number in range(300)]

    predictions = predicted(served.url, photos)

    assert [one.path for one in predictions] == [str(number) for number in range(300)]
    assert (sum(served.instances), max(served.instances)) == (300, 32)
    assert 2 <= served.at_once <= 4

    served.bytes.clear()
    monkeypatch.setattr(classification, "MAX_BYTES", 2 * os.path.getsize(photos[0].place))
    predicted(served.url, photos[:10])
    assert len(served.bytes) == 5


def test_version_that_answered_first_answers_all(served: Server, photos: list[Photo]) -> None:
    predicted(served.url, photos[:1])

    version = served.folder.name
    assert served.paths == [
        "/v1/models/warmstart/metadata",
        f"/v1/models/warmstart/versions/{version}:predict",
    ]
    assert predicted(f"{served.url}/versions/{version}/", photos[:1])[0].error is None


@pytest.mark.parametrize("limit", ["instances", "bytes"])
def test_request_that_is_too_large_for_the_server_is_halved(
    served: Server, photos: list[Photo], limit: str
) -> None:
    if limit == "instances":
        served.most_instances = 2
    else:
        served.most_bytes = 4 * os.path.getsize(photos[0].place)
    photos = [Photo(str(number), photos[0].place) for number in range(9)]

    assert [one.error for one in predicted(served.url, photos)] == [None] * 9


def test_photo_that_is_too_large_for_the_server_has_that_reason(
    served: Server, photos: list[Photo]
) -> None:
    served.most_bytes = 100

    assert predicted(served.url, photos[:1])[0].error == "larger than the server takes"


def test_busy_server_and_lost_connections_are_tried_again(
    served: Server, photos: list[Photo]
) -> None:
    with closing(ServedModel(served.url)) as model:
        served.statuses = [429, 503]
        served.breaks = 1

        (prediction,) = classified(photos[:1], model)

    assert prediction.error is None
    assert len(served.paths) == 1 + 4


def test_pauses_grow_and_the_server_may_ask_for_longer_ones(
    served: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(rest, "PAUSES", (0.5, 1.0, 2.0))
    monkeypatch.setattr(rest.time, "sleep", slept.append)
    served.statuses = [503, 503, 503]
    served.headers = {"Retry-After": "1"}

    predicted(served.url, [])

    assert slept == [1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("status", "asked", "said"),
    [
        (503, 4, "the server is busy (503 Service Unavailable); run the same command later."),
        (
            500,
            1,
            "the server failed (500 Internal Server Error: as the test wants it); see the server's "
            "log.",
        ),
        (401, 1, "the server refuses access (401 Unauthorized); ask those who run it."),
    ],
)
def test_server_that_fails_is_told_and_only_a_busy_one_asked_again(
    served: Server, status: int, asked: int, said: str
) -> None:
    served.statuses = [status] * 9

    assert refusal(served.url) == f"{served.url}: {said}"
    assert len(served.paths) == asked


def test_slow_server_is_told_and_not_asked_again(
    served: Server, photos: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "TIMEOUTS", (1.0, 0.2))
    served.pause = 0.6

    with pytest.raises(ModelError) as error:
        predicted(served.url, photos[:1])

    assert str(error.value) == (
        f"{served.url}: no answer within 0.2 seconds; see the server's log, and run the same "
        "command again."
    )
    assert len(served.paths) == 2


def test_server_that_is_not_there_is_told() -> None:
    url = f"{CLOSED}/v1/models/warmstart"

    assert refusal(url) == (
        f"{url}: no connection (Connection refused); start TensorFlow Serving there, or {PORT}"
    )


def test_other_model_or_version_is_told(served: Server) -> None:
    other = served.url.replace("warmstart", "cats")

    assert refusal(other) == (
        f"{other}: the server has no such model or version (Servable not found for request: "
        "Latest(cats)); correct --url, or serve the model under this name."
    )
    assert refusal(f"{served.url}/versions/7") == (
        f"{served.url}/versions/7: the server has no such model or version (Servable not found for "
        "request: Specific(warmstart, 7)); correct --url, or serve the model under this name."
    )


def test_model_that_is_being_loaded_is_told(served: Server) -> None:
    served.state = "LOADING"

    assert refusal(served.url) == (
        f"{served.url}: no version of the model is in service ({served.folder.name} LOADING); wait "
        "until it is loaded, or see the server's log."
    )


def test_version_taken_out_of_service_meanwhile_is_told(
    served: Server, photos: list[Photo]
) -> None:
    with closing(ServedModel(served.url)) as model:
        served.state = "UNLOADING"
        with pytest.raises(ModelError) as error:
            [*classified(photos, model)]

    assert str(error.value) == (
        f"{served.url}: the server took the version out of service meanwhile; run the same command "
        "again."
    )


def test_model_of_another_project_is_told(served: Server) -> None:
    served.hidden = {"serving_bytes", "transform_features", "__saved_model_init_op"}

    assert refusal(served.url) == (
        f"{served.url}: the model has no signature serving_bytes (it has: serving_default); serve "
        "a model that `warmstart pipeline run` pushed."
    )


@pytest.mark.parametrize("page", ["<html>Hello</html>", '{"hello": 1}', "[]"])
def test_server_that_is_not_tensorflow_serving_is_told(served: Server, page: str) -> None:
    served.page = page

    assert refusal(served.url) == (
        f"{served.url} is not TensorFlow Serving's REST API: it answers something else; {PORT}"
    )


def test_https_to_a_server_without_it_is_told(served: Server) -> None:
    url = served.url.replace("http:", "https:")

    assert refusal(url) == (
        f"{url}: no connection by HTTPS (wrong version number); write http:// if the server has no "
        "HTTPS, or name its authority's certificate in REQUESTS_CA_BUNDLE."
    )


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("localhost:8501/v1/models/a", "it does not begin with http:// or https://"),
        ("ftp://host/v1/models/a", "it does not begin with http:// or https://"),
        ("", "it does not begin with http:// or https://"),
        ("http:///v1/models/a", "it names no server"),
        ("http://a b/v1/models/a", "it names no server"),
        ("http://host:8501", "it does not end with /v1/models/NAME"),
        ("http://host:8501/v1/models/", "it does not end with /v1/models/NAME"),
        ("http://host:8501/v1/models/a:predict", "it does not end with /v1/models/NAME"),
        ("http://host:8501/v1/models/a/versions/x", "it does not end with /v1/models/NAME"),
        ("http://host:8501/v1/models/a?b=c", "it does not end with /v1/models/NAME"),
        (
            "http://host:port/v1/models/a",
            "it is no address (port could not be cast to integer value as 'port')",
        ),
        ("http://[::1/v1/models/a", "it is no address (invalid IPv6 URL)"),
    ],
)
def test_address_of_another_form_is_refused(url: str, what: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_url(url)

    assert str(error.value) == f"--url {url}: {what}; {FORM}"


@pytest.mark.parametrize(
    "path", ["/v1/models/a", "/v1/models/a/", "/v1/models/a/versions/7", "/behind/v1/models/a"]
)
def test_address_of_a_model_is_taken(path: str) -> None:
    check_url(f"http://host:8501{path}")
    check_url(f"https://user:word@[::1]{path}")
