"""The addresses of the page, and what is shown at each.

An address holds ids of the store, digests and search terms, never a path: whatever is read lies
below the output folder, and is found from the id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.convertors import Convertor, StringConvertor, register_url_convertor
from starlette.datastructures import QueryParams
from starlette.requests import Request

from review.library import Library
from review.page.gallery import Gallery
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
from schemas.errors import ConfigError


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


@dataclass(frozen=True)
class Asked:
    """What a request asks for.

    Attributes:
        request: itself.
    """

    request: Request

    @property
    def library(self) -> Library:
        """Of the store."""
        found: Library = self.request.app.state.library
        return found

    @property
    def gallery(self) -> Gallery:
        """Of its photos."""
        found: Gallery = self.request.app.state.gallery
        return found

    @property
    def query(self) -> QueryParams:
        """What stands behind the question mark."""
        return self.request.query_params

    @property
    def run(self) -> int:
        """Id of a run."""
        return self._id("run")

    @property
    def execution(self) -> int:
        """Id of an execution."""
        return self._id("execution")

    @property
    def artifact(self) -> int:
        """Id of an artifact."""
        return self._id("artifact")

    @property
    def photo(self) -> str:
        """SHA-256 of a photo's file in hex."""
        return str(self.request.path_params["photo"])

    @property
    def runs(self) -> list[int]:
        """Ids of the runs behind the question mark.

        Raises:
            ConfigError: if one is no id.
        """
        found = [positive(text) for text in self.query.getlist("run")]
        if None in found:
            raise ConfigError("run has to be the id of a run, as the list of runs links to it.")
        return [number for number in found if number is not None]

    def _id(self, name: str) -> int:
        return int(self.request.path_params[name])


VIEWS: Mapping[str, Callable[[Asked], Shown]] = {
    "/runs": lambda a: runs.runs(a.library, a.query),
    "/runs/{run:id}": lambda a: run.run(a.library, a.run),
    "/runs/{run:id}/components/{execution:id}": lambda a: component.component(
        a.library, a.run, a.execution
    ),
    "/runs/{run:id}/components/{execution:id}/log": lambda a: log.log(
        a.library, a.run, a.execution, a.query
    ),
    "/runs/{run:id}/photos": lambda a: photos.photos(a.library, a.gallery, a.run, a.query),
    "/runs/{run:id}/mistakes": lambda a: mistakes.mistakes(a.library, a.gallery, a.run, a.query),
    "/runs/{run:id}/labels": lambda a: labels.labels(a.library, a.gallery, a.run, a.query),
    "/runs/{run:id}/report": lambda a: report.report(a.library, a.run),
    "/photos/{photo:sha256}": lambda a: photos.photo(a.library, a.gallery, a.photo, a.query),
    "/compare": lambda a: compare.comparison(
        a.library, a.gallery, a.runs, positive(a.query.get("base", ""))
    ),
    "/production": lambda a: production.production(a.library, a.gallery),
    "/artifacts": lambda a: artifacts.artifacts(a.library, a.query),
    "/artifacts/{artifact:id}": lambda a: artifacts.artifact(a.library, a.gallery, a.artifact),
    "/artifacts/{artifact:id}/lineage": lambda a: artifacts.lineage(a.library, a.artifact, a.query),
}
