"""Options by which the commands of `warmstart kubeflow` find their server, and who asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.kubeflow_client.access import Access
    from pipelines.kubeflow_client.server import Server

_GROUP = "Server"

Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="URL",
        envvar="KF_PIPELINES_ENDPOINT",
        help="Of Kubeflow Pipelines.",
        show_default="in the pod's cluster, or through the kubeconfig",
        rich_help_panel=_GROUP,
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        help="Of yours, where several users share an installation.",
        rich_help_panel=_GROUP,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        envvar="KF_PIPELINES_SA_TOKEN_PATH",
        help="With a bearer token; or the token itself in WARMSTART_KUBEFLOW_TOKEN.",
        rich_help_panel=_GROUP,
    ),
]
CookiesFile = Annotated[
    Path | None,
    typer.Option(
        "--cookies-file",
        metavar="FILE",
        help="With a browser's header Cookie; or the cookies in WARMSTART_KUBEFLOW_COOKIES.",
        rich_help_panel=_GROUP,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="With certificates that sign the server's.",
        rich_help_panel=_GROUP,
    ),
]
KubeContext = Annotated[
    str | None,
    typer.Option(
        "--kube-context", metavar="NAME", help="Of the kubeconfig.", rich_help_panel=_GROUP
    ),
]


def connected(access: Access) -> Server:
    """Connects to the server; the SDK is imported now."""
    from pipelines.kubeflow_client.server import connect

    return connect(access)
