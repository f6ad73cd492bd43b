"""The addresses of the page, and what answers at each.

An address holds ids of the store, digests and search terms, never a path: whatever is read lies
below the output folder, and is found from the id.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from review.label_queue import COPY, LABEL
from review.library import Library
from review.page import live
from review.page.gallery import LARGE, SMALL, Gallery
from review.page.guard import SANDBOXED, Access, Guard
from review.page.rendering import render
from review.page.shown import Shown, positive
from review.page.views import (
    artifacts,
    compare,
    component,
    labels,
    log,
    mistakes,
    photos,
    production,
    report,
    run,
    runs,
)
from review.plain_json import as_json
from review.store import Output
from schemas.errors import ConfigError, WarmstartError

# Bytes of a form.
_MOST_BODY = 64 * 1024

# Ends of the paths that may be written to.
WRITING = ("/labels",)

_JSON = ".json"
_STATIC = {"page.css": "text/css", "page.js": "text/javascript"}

View = Callable[[Library, Request], Shown]


class _IdConvertor(Convertor[int]):
    """A number as ids of a store are: with no more digits than those have."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _DigestConvertor(StringConvertor):
    """A SHA-256 in hex."""

    regex = "[0-9a-f]{64}"


register_url_convertor("id", _IdConvertor())
register_url_convertor("sha256", _DigestConvertor())


def make_app(output: Output, access: Access) -> ASGIApp:
    """Makes the page.

    Args:
        output: the folder that a pipeline writes to; nothing outside of it is read.
        access: who may ask.
    """
    app = Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse("/runs", 303)),
            *_routes("/runs", lambda library, asked: runs.runs(library, asked.query_params)),
            *_routes("/runs/{run:id}", lambda library, asked: run.run(library, _id(asked, "run"))),
            *_routes(
                "/runs/{run:id}/components/{execution:id}",
                lambda library, asked: component.component(
                    library, _id(asked, "run"), _id(asked, "execution")
                ),
            ),
            *_routes(
                "/runs/{run:id}/components/{execution:id}/log",
                lambda library, asked: log.log(
                    library, _id(asked, "run"), _id(asked, "execution"), asked.query_params
                ),
            ),
            *_routes(
                "/compare",
                lambda library, asked: compare.comparison(library, _gallery(asked), _runs(asked)),
            ),
            *_routes(
                "/production",
                lambda library, asked: production.production(library, _gallery(asked)),
            ),
            *_routes(
                "/artifacts",
                lambda library, asked: artifacts.artifacts(library, asked.query_params),
            ),
            *_routes(
                "/artifacts/{artifact:id}",
                lambda library, asked: artifacts.artifact(library, _id(asked, "artifact")),
            ),
            *_routes(
                "/artifacts/{artifact:id}/lineage",
                lambda library, asked: artifacts.lineage(
                    library, _id(asked, "artifact"), asked.query_params
                ),
            ),
            *_routes(
                "/runs/{run:id}/photos",
                lambda library, asked: photos.photos(
                    library, _gallery(asked), _id(asked, "run"), asked.query_params
                ),
            ),
            *_routes(
                "/runs/{run:id}/mistakes",
                lambda library, asked: mistakes.mistakes(
                    library, _gallery(asked), _id(asked, "run"), asked.query_params
                ),
            ),
            *_routes(
                "/photos/{photo:sha256}",
                lambda library, asked: photos.photo(
                    library, _gallery(asked), asked.path_params["photo"], asked.query_params
                ),
            ),
            *_routes(
                "/runs/{run:id}/labels",
                lambda library, asked: labels.labels(
                    library, _gallery(asked), _id(asked, "run"), asked.query_params
                ),
            ),
            Route("/runs/{run:id}/labels", _decide, methods=["POST"]),
            Route("/runs/{run:id}/photos/{photo:sha256}.jpg", _picture),
            Route("/runs/{run:id}/photos/{photo:sha256}/large.jpg", _picture),
            *_routes(
                "/runs/{run:id}/report",
                lambda library, asked: report.report(library, _id(asked, "run")),
            ),
            Route("/runs/{run:id}/report/page", _report),
            Route("/runs/{run:id}/events", _events),
            Route("/static/{name}", _static),
        ],
        lifespan=_reading_ahead,
        max_body_size=_MOST_BODY,
        exception_handlers={
            WarmstartError: _explained,
            HTTPException: _not_found,
            Exception: _broken,
        },
    )
    app.state.library = Library(output)
    app.state.gallery = Gallery(app.state.library)
    # In every form; another page cannot know it.
    app.state.token = secrets.token_urlsafe(24)
    return Guard(app, access)


@asynccontextmanager
async def _reading_ahead(app: Starlette) -> AsyncIterator[None]:
    """Reads runs in the background for as long as the page is served."""
    stop = threading.Event()
    reader = threading.Thread(target=app.state.library.read_ahead, args=(stop.is_set,))
    reader.start()
    try:
        yield
    finally:
        stop.set()
        await run_in_threadpool(reader.join)


def _routes(path: str, view: View) -> list[Route]:
    """Returns the address of a view for people, and that for programs."""

    def answer(request: Request) -> Response:
        shown = view(request.app.state.library, request)
        if request.url.path.endswith(_JSON):
            return Response(_json(shown.data), media_type="application/json")
        data = {**shown.data, **shown.drawn, "token": request.app.state.token}
        return HTMLResponse(render(shown.template, data))

    return [Route(path, answer), Route(path + _JSON, answer)]


def _report(request: Request) -> Response:
    page = report.page_of(request.app.state.library, _id(request, "run"))
    return HTMLResponse(page, headers=SANDBOXED)


async def _decide(request: Request) -> Response:
    """Saves a decision of a person: the only address that writes."""
    body = await request.body()
    form = dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))
    given = form.get("token", "").encode()
    if not secrets.compare_digest(given, request.app.state.token.encode()):
        return _sorry(request, 403, "This form is of an earlier start; load the page again.")
    run_id = _id(request, "run")
    library = request.app.state.library
    await run_in_threadpool(labels.decide, library, _gallery(request), run_id, form)
    back = positive(form.get("back", "")) or 1
    kind = form.get("kind", "") if form.get("kind", "") in {LABEL, COPY} else LABEL
    return RedirectResponse(f"/runs/{run_id}/labels?kind={kind}#d{back}", 303)


def _events(request: Request) -> Response:
    library: Library = request.app.state.library
    name = library.entry(_id(request, "run")).run.name

    def sign() -> object:
        return library.version(), report.log_size(library.output, name)

    return StreamingResponse(live.changes(sign), media_type="text/event-stream")


def _picture(request: Request) -> Response:
    size = LARGE if request.url.path.endswith("/large.jpg") else SMALL
    found = _gallery(request).picture(_id(request, "run"), request.path_params["photo"], size)
    if found is None:
        raise HTTPException(404)
    # The same content for ever: it is addressed by its digest.
    kept = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(found, media_type="image/jpeg", headers=kept)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise HTTPException(404)
    content = files("review.page").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers={"Cache-Control": "no-cache"})


def _gallery(request: Request) -> Gallery:
    found: Gallery = request.app.state.gallery
    return found


def _id(request: Request, name: str) -> int:
    return int(request.path_params[name])


def _runs(request: Request) -> list[int]:
    found = [positive(text) for text in request.query_params.getlist("run")]
    if None in found:
        raise ConfigError("run has to be the id of a run, as the list of runs links to it.")
    return [number for number in found if number is not None]


def _explained(request: Request, error: Exception) -> Response:
    """Says what is wrong; a store that cannot be read may well be at the next attempt."""
    status = 404 if isinstance(error, ConfigError) else 503
    return _sorry(request, status, str(error))


def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return _sorry(request, status, "There is nothing at this address.")


def _broken(request: Request, error: Exception) -> Response:
    return _sorry(request, 500, f"This page failed ({type(error).__name__}); see the terminal.")


def _sorry(request: Request, status: int, sentence: str) -> Response:
    if request.url.path.endswith(_JSON):
        body: dict[str, Any] = {"error": sentence}
        return Response(_json(body), status, media_type="application/json")
    return HTMLResponse(render("sorry.html", {"sentence": sentence, "status": status}), status)


def _json(found: Any) -> bytes:
    return as_json(found).encode(errors="replace")
