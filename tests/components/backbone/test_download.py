"""Tests of the weight cache, with Keras' own builders and a server of weights on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import keras.src.applications.mobilenet
import keras.src.applications.vgg16
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from components.backbone import download
from components.backbone.cache import CACHE_VARIABLE, cache_folder, imagenet_file
from components.backbone.loading import fetch_weights, load_backbone, loaded_digest
from schemas.errors import ModelError

# The smallest that MobileNet has weights of its own for: at others Keras warns.
SIZE = 128
FILE = imagenet_file("MobileNet", SIZE)
VGG = imagenet_file("VGG16", SIZE)
# According to keras/src/applications/vgg16.py.
VGG_MD5 = "6d6bbae143d832006294945121d1f1fc"
# A port that nothing listens on.
CLOSED = "http://127.0.0.1:9/"


BUSY, BREAKS_OFF, STALLS = "503 Service Unavailable", "breaks off", "stalls"


class Server:
    """Serves a folder, and remembers what was asked for; at first it has some troubles."""

    def __init__(self, folder: Path) -> None:
        asked = self.asked = list[str]()
        troubles = self.troubles = list[str]()
        ended = self.ended = threading.Event()

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                trouble = troubles.pop(0) if troubles else ""
                if not trouble:
                    super().do_GET()
                elif trouble == BUSY:
                    self.send_error(503)
                else:
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b"half")
                    if trouble == STALLS:
                        ended.wait(10)

            def log_request(self, *_: object) -> None:
                asked.append(self.path.removeprefix("/"))

            def log_message(self, *_: object) -> None:
                pass

        self.folder = folder
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of MobileNet in the format that Keras releases them in."""
    file = tmp_path_factory.mktemp("released") / FILE
    with h5py.File(file, "w") as group:
        legacy_h5_format.save_weights_to_hdf5_group(group, load_backbone("MobileNet", "none", SIZE))
    return file


@pytest.fixture
def server(tmp_path: Path, released: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves MobileNet's weights, and what is no weights of VGG16."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / FILE).write_bytes(released.read_bytes())
    (folder / VGG).write_bytes(b"no weights")
    served = Server(folder)
    monkeypatch.setattr(keras.src.applications.mobilenet, "BASE_WEIGHT_PATH", served.url)
    monkeypatch.setattr(keras.src.applications.vgg16, "WEIGHTS_PATH_NO_TOP", served.url + VGG)
    yield served
    served.ended.set()
    served.http.shutdown()
    served.http.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "deep" / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


def refusal(name: str = "MobileNet") -> str:
    """Returns what ImageNet weights are refused with."""
    with pytest.raises(ModelError) as error:
        load_backbone(name, "imagenet", SIZE)
    return str(error.value)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_weights_are_downloaded_once_into_the_cache(
    server: Server, cache: Path, released: Path
) -> None:
    first = load_backbone("MobileNet", "imagenet", SIZE)
    second = load_backbone("MobileNet", "imagenet", SIZE)

    random = load_backbone("MobileNet", "none", SIZE)
    for model in (first, second):
        pairs = zip(model.get_weights(), random.get_weights(), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs)
    assert server.asked == [FILE]
    assert sha256(cache / FILE) == sha256(released)


def test_sha256_is_recorded_as_sha256sum_does(server: Server, cache: Path, released: Path) -> None:
    fetch_weights("MobileNet", "imagenet", SIZE)

    assert names(cache) == sorted([FILE, f"{FILE}.sha256"])
    assert (cache / f"{FILE}.sha256").read_text() == f"{sha256(released)}  {FILE}\n"
    assert loaded_digest("MobileNet", "imagenet", SIZE) == sha256(released)


def test_weights_that_were_put_there_need_no_network(
    cache: Path, released: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.src.applications.mobilenet, "BASE_WEIGHT_PATH", CLOSED)
    cache.mkdir(parents=True)
    (cache / FILE).write_bytes(released.read_bytes())

    load_backbone("MobileNet", "imagenet", SIZE)

    assert names(cache) == sorted([FILE, f"{FILE}.sha256"])


def test_without_network_and_file_the_sentence_says_which_file_goes_where(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.src.applications.mobilenet, "BASE_WEIGHT_PATH", CLOSED)

    assert refusal() == (
        f"backbone.weights = imagenet: {cache / FILE} is missing and could not be downloaded "
        f"(Connection refused); put {CLOSED}{FILE} there by other means, name a folder that has it "
        "in WARMSTART_WEIGHTS_CACHE, or set backbone.weights to embedded or a .weights.h5 file."
    )
    assert names(cache) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits less, between two attempts and for an answer."""
    monkeypatch.setattr(download, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(download, "TIMEOUTS", (10, 0.3))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", [BUSY, BREAKS_OFF, STALLS])
def test_server_that_does_not_answer_is_asked_again(
    server: Server, cache: Path, released: Path, trouble: str
) -> None:
    server.troubles += [trouble, trouble]

    fetch_weights("MobileNet", "imagenet", SIZE)

    assert server.troubles == []
    assert sha256(cache / FILE) == sha256(released)
    assert names(cache) == sorted([FILE, f"{FILE}.sha256"])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (BUSY, "503 Server Error: Service Unavailable for url: {url}"),
        (BREAKS_OFF, "the connection broke off"),
        (STALLS, "the server does not answer"),
    ],
)
def test_server_that_never_answers_is_told(
    server: Server, cache: Path, trouble: str, said: str
) -> None:
    server.troubles += [trouble] * 10
    url = server.url + FILE

    assert refusal() == (
        f"backbone.weights = imagenet: {cache / FILE} is missing and could not be downloaded "
        f"({said.format(url=url)}); put {url} there by other means, name a folder that has it in "
        "WARMSTART_WEIGHTS_CACHE, or set backbone.weights to embedded or a .weights.h5 file."
    )
    assert len(server.troubles) == 7
    assert names(cache) == []


def test_file_that_the_server_does_not_have_is_asked_for_once(server: Server, cache: Path) -> None:
    (server.folder / FILE).unlink()

    assert f"(404 Client Error: File not found for url: {server.url}{FILE})" in refusal()
    assert server.asked == [FILE]


def test_file_that_changed_is_refused_and_left_alone(server: Server, cache: Path) -> None:
    fetch_weights("MobileNet", "imagenet", SIZE)
    content = bytearray((cache / FILE).read_bytes())
    recorded = sha256(cache / FILE)
    content[len(content) // 2] ^= 1
    (cache / FILE).write_bytes(content)

    expected = (
        f"{cache / FILE} is damaged or another file: its SHA-256 is {sha256(cache / FILE)}, "
        f"{FILE}.sha256 beside it says {recorded}; put the right file there, or remove both."
    )
    assert refusal() == expected
    with pytest.raises(ModelError) as error:
        fetch_weights("MobileNet", "imagenet", SIZE)
    assert str(error.value) == expected
    assert (cache / FILE).read_bytes() == content
    assert server.asked == [FILE]


def test_file_that_keras_would_not_release_is_refused_and_left_alone(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / VGG).write_bytes(b"other weights")

    message = refusal("VGG16")

    digest = hashlib.md5(b"other weights", usedforsecurity=False).hexdigest()
    assert message.startswith(
        f"{cache / VGG} is damaged or another file: its MD5 is {digest}, Keras expects "
        f"{VGG_MD5}; remove it, or put https://"
    )
    assert names(cache) == [VGG]


def test_download_with_a_wrong_hash_leaves_nothing_behind(server: Server, cache: Path) -> None:
    message = refusal("VGG16")

    assert f"Keras expects {VGG_MD5}" in message
    assert server.asked == [VGG]
    assert names(cache) == []


def test_file_with_half_of_the_weights_is_refused(cache: Path, released: Path) -> None:
    """Keras knows no hash of MobileNet's."""
    cache.mkdir(parents=True)
    content = released.read_bytes()
    (cache / FILE).write_bytes(content[: len(content) // 2])

    message = refusal()

    assert message.startswith(f"{cache / FILE} does not hold the weights of MobileNet (")
    assert message.endswith("); remove it, and it is downloaded again.")


def test_keras_is_left_as_it_was(server: Server, cache: Path) -> None:
    before = keras.src.utils.file_utils.get_file
    load_backbone("MobileNet", "imagenet", SIZE)
    refusal("VGG16")

    assert keras.src.utils.file_utils.get_file is before


def test_cache_is_the_folder_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, "~/weights")
    assert cache_folder() == Path.home() / "weights"
