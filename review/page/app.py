"""The page as an ASGI application."""

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
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from review.label_queue import COPY, LABEL
from review.library import Library
from review.page import live
from review.page.addresses import VIEWS, Asked
from review.page.gallery import LARGE, SMALL, Gallery
from review.page.guard import SANDBOXED, Access, Guard
from review.page.rendering import render
from review.page.shown import Shown, positive
from review.page.views import labels, report
from review.plain_json import as_json
from review.store import Output
from schemas.errors import ConfigError, WarmstartError
from schemas.tokens import new_token

# Bytes of a form.
_MOST_BODY = 64 * 1024

# Ends of the paths that may be written to.
WRITING = ("/labels",)

_JSON = ".json"
_STATIC = {"page.css": "text/css", "page.js": "text/javascript"}


def make_app(
    output: Output, access: Access, *, stopped: Callable[[], bool] = lambda: False
) -> ASGIApp:
    """Makes the page.

    Args:
        output: the folder that a pipeline writes to; nothing outside of it is read.
        access: who may ask.
        stopped: tells whether the server ends, and with it what has no end of its own.
    """
    app = Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse("/runs", 303)),
            *(route for path, view in VIEWS.items() for route in _routes(path, view)),
            Route("/runs/{run:id}/labels", _decide, methods=["POST"]),
            Route("/runs/{run:id}/photos/{photo:sha256}.jpg", _picture),
            Route("/runs/{run:id}/photos/{photo:sha256}/large.jpg", _picture),
            Route("/runs/{run:id}/photos/{photo:sha256}/heat-map.jpg", _heat_map),
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
    app.state.stopped = stopped
    app.state.library = Library(output)
    app.state.gallery = Gallery(app.state.library)
    # In every form; another page cannot know it.
    app.state.token = new_token()
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
        app.state.gallery.close()


def _routes(path: str, view: Callable[[Asked], Shown]) -> list[Route]:
    """Returns the address of a view for people, and that for programs."""

    def answer(request: Request) -> Response:
        shown = view(Asked(request))
        if request.url.path.endswith(_JSON):
            return Response(_json(shown.data), media_type="application/json")
        data = {**shown.data, **shown.drawn, "token": request.app.state.token}
        return HTMLResponse(render(shown.template, data))

    return [Route(path, answer), Route(path + _JSON, answer)]


def _report(request: Request) -> Response:
    asked = Asked(request)
    page = report.page_of(asked.library, asked.run)
    return HTMLResponse(page, headers=SANDBOXED)


async def _decide(request: Request) -> Response:
    """Saves a decision of a person: the only address that writes."""
    body = await request.body()
    form = dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))
    given = form.get("token", "").encode()
    if not secrets.compare_digest(given, request.app.state.token.encode()):
        return _sorry(request, 403, "This form is of an earlier start; load the page again.")
    asked = Asked(request)
    await run_in_threadpool(labels.decide, asked.library, asked.gallery, asked.run, form)
    back = positive(form.get("back", "")) or 1
    kind = COPY if form.get("kind") == COPY else LABEL
    only_open = f"&open=1&also={back}" if form.get("open") else ""
    return RedirectResponse(f"/runs/{asked.run}/labels?kind={kind}{only_open}#d{back}", 303)


def _events(request: Request) -> Response:
    asked = Asked(request)
    name = asked.library.entry(asked.run).run.name

    def sign() -> object:
        return asked.library.version(), report.log_size(asked.library.output, name)

    return StreamingResponse(
        live.changes(sign, request.app.state.stopped), media_type="text/event-stream"
    )


def _picture(request: Request) -> Response:
    size = LARGE if request.url.path.endswith("/large.jpg") else SMALL
    asked = Asked(request)
    # The same content for ever: it is addressed by its digest.
    return _jpeg(asked.gallery.picture(asked.run, asked.photo, size), "immutable")


def _heat_map(request: Request) -> Response:
    asked = Asked(request)
    return _jpeg(asked.gallery.heat_map(asked.run, asked.photo), "must-revalidate")


def _jpeg(found: bytes | None, kept: str) -> Response:
    if found is None:
        raise HTTPException(404)
    headers = {"Cache-Control": f"private, max-age=3600, {kept}"}
    return Response(found, media_type="image/jpeg", headers=headers)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise HTTPException(404)
    content = files("review.page").joinpath("static", name).read_bytes()
    return Response(content, media_type=_STATIC[name], headers={"Cache-Control": "no-cache"})


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
    told = {"sentence": sentence, "status": status, "run": request.path_params.get("run")}
    return HTMLResponse(render("sorry.html", told), status)


def _json(found: Any) -> bytes:
    return as_json(found).encode(errors="replace")
