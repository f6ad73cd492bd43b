"""Talks to the server of Kubeflow Pipelines through its own client, `kfp.Client`.

The calls are those of the client's generated services: unlike the methods beside them they take
time limits, and print neither links nor warnings.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kubernetes
import urllib3

from pipelines.kubeflow_client.access import Access, Secrets, checked_host, read_secrets
from pipelines.kubeflow_client.refusals import NotFoundError, UnclearError, html_answer, refusal
from schemas.errors import ClusterError, ConfigError, first_line, printable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kfp
    from kfp.client import ServiceAccountTokenVolumeCredentials
    from kfp_server_api import ApiException, V2beta1GetHealthzResponse

# Seconds to connect, and until something is answered.
_TIMEOUT = (5, 60)

# Seconds before a request that failed is made again; after the last one it is given up.
_PAUSES = (0.5, 1.0, 2.0, 4.0)

# Of entries in one answer: the most that the server gives is 200.
_PAGE = 100

# What the API alone is reached by: it has no pages.
_API_PORT = ":8888"
_PROXY = "/proxy"

# Where the cluster's own pods find the server, as its manifests name it.
_IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"

# Where Kubernetes tells a pod its namespace.
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

# What the client raises over an answer of which it expects a body, or another one.
_SLIPS = (AttributeError, UnicodeDecodeError)


class Server:
    """A server of Kubeflow Pipelines."""

    def __init__(self, client: _Client, secrets: Secrets) -> None:
        """Takes a client that is connected.

        Args:
            client: of the SDK.
            secrets: that it sends.
        """
        self.api: Any = client
        self.address = client.address
        self.namespace: str | None = None
        self._secrets = secrets

    @property
    def page(self) -> str | None:
        """Where a browser finds the user interface; None, if that is not known."""
        told = os.environ.get("KF_PIPELINES_UI_ENDPOINT")
        without = self.address.endswith((_API_PORT, _PROXY))
        return (told or ("" if without else self.address)).rstrip("/") or None

    def call(self, method: Callable[..., Any], *, creates: bool = False, **arguments: Any) -> Any:
        """Makes a request, and makes it again if it failed for a passing reason.

        Args:
            method: of one of the client's services.
            creates: a second request would make a second thing; it is only repeated if the first
                has certainly not arrived.
            arguments: of the method.

        Returns:
            The model that the method returns.

        Raises:
            ClusterError: if it fails for good: NotFoundError for 404, ConflictError for 409, and
                UnclearError if it `creates` and may have arrived.
            ConfigError: if the server finds it wrong.
        """
        return _called(
            method, arguments, creates=creates, address=self.address, secrets=self._secrets
        )

    def listed(self, method: Callable[..., Any], field: str, **arguments: Any) -> Iterator[Any]:
        """Yields the entries of a list, page by page.

        Args:
            method: of one of the client's services.
            field: of its answer.
            arguments: of the method.
        """
        token = ""
        while True:
            answer = self.call(method, page_token=token, page_size=_PAGE, **arguments)
            yield from getattr(answer, field) or ()
            token = answer.next_page_token or ""
            if not token:
                return


def connect(access: Access) -> Server:
    """Connects to a server, and makes sure that it is one.

    Raises:
        ConfigError: if address or secrets are wrong or missing.
        ClusterError: if it does not answer, or is something else.
    """
    host = checked_host(access.host) or (_IN_CLUSTER if _in_a_pod() else None)
    secrets = read_secrets(access)
    if not host:
        _check_kubeconfig(access.context)
        if secrets.token or secrets.token_file or secrets.cookies:
            raise ConfigError("A token or cookies need the address that they are for: give --host.")
    with _quiet():
        client = _Client(
            host=host,
            existing_token=secrets.token,
            credentials=_rereading(secrets),
            cookies=secrets.cookies,
            ssl_ca_cert=str(access.ca_file) if access.ca_file else None,
            kube_context=access.context,
        )
    server = Server(client, secrets)
    health = _health(server)
    if health.multi_user:
        server.namespace = (
            access.namespace or client.get_user_namespace() or _namespace_of_the_pod()
        )
        if not server.namespace:
            raise ConfigError(
                f"{server.address} is shared by several users: name the namespace of yours with "
                "--namespace."
            )
    return server


class _Client(kfp.Client):
    """The SDK's client, without its repetitions, which would take half a minute."""

    address: str

    def _load_config(self, *arguments: Any) -> Any:
        config = super()._load_config(*arguments)
        config.retries = False
        config.host = self.address = config.host.rstrip("/")
        if config.refresh_api_key_hook:
            config.refresh_api_key_hook = _keeping_host(config.refresh_api_key_hook, config.host)
        return config

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:
        """Tells the constructor nothing: what it would ask is asked afterwards, with sentences."""
        return V2beta1GetHealthzResponse(multi_user=False)


def _keeping_host(hook: Callable[[Any], None], host: str) -> Callable[[Any], None]:
    """Returns what renews a token and leaves the address alone.

    That of a kubeconfig sets the address of the cluster again, without the way to the service, and
    itself as what is called next time.
    """

    def renew(config: Any) -> None:
        hook(config)
        config.host = host
        config.refresh_api_key_hook = renew

    return renew


def _rereading(secrets: Secrets) -> Any:
    """Returns what reads a token's file before each request: such tokens live for an hour."""
    if secrets.token_file:
        return ServiceAccountTokenVolumeCredentials(str(secrets.token_file))
    return None


def _in_a_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and _NAMESPACE_FILE.is_file()


def _namespace_of_the_pod() -> str | None:
    return _NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.is_file() else None


def _check_kubeconfig(context: str | None) -> None:
    """Makes sure that there is a way into a cluster: the SDK would go to this machine instead."""
    try:
        with _quiet():
            kubernetes.config.load_kube_config(
                context=context, client_configuration=kubernetes.client.Configuration()
            )
    except kubernetes.config.ConfigException as error:
        raise ConfigError(
            "There is no address of Kubeflow Pipelines: give --host or KF_PIPELINES_ENDPOINT; "
            f"nor is there a way through a kubeconfig ({first_line(error).rstrip('.')})."
        ) from error


def _health(server: Server) -> Any:
    try:
        return server.call(server.api.healthzs.healthz_service_get_healthz)
    except NotFoundError as error:
        raise ClusterError(
            f"{server.address} has no API of Kubeflow Pipelines 2 (/apis/v2beta1): check the "
            "address, which ends with /pipeline where all of Kubeflow is installed; version 1 of "
            "Kubeflow Pipelines does not do."
        ) from error


def _called(
    method: Callable[..., Any],
    arguments: dict[str, Any],
    *,
    creates: bool,
    address: str,
    secrets: Secrets,
) -> Any:
    for pause in (*_PAUSES, None):
        try:
            return _answer(method, arguments, address)
        except (ApiException, urllib3.exceptions.HTTPError, *_SLIPS) as failed:
            if isinstance(failed, _SLIPS) and not isinstance(failed.__context__, ApiException):
                raise
            found = refusal(failed, address, secrets)
            if creates and found.passing and found.arrived:
                raise UnclearError(str(found.error)) from failed
            if pause is None or not found.passing:
                raise found.error from failed
        except OSError as failed:  # Of the token's file, which is read each time.
            raise ConfigError(
                f"{printable(str(secrets.token_file))}, which holds the token, cannot be read any "
                f"more: {failed.strerror}."
            ) from failed
        time.sleep(pause)
    raise AssertionError("The last pause is none.")


def _answer(method: Any, arguments: dict[str, Any], address: str) -> Any:
    with _quiet():
        answer = method(**arguments, _request_timeout=_TIMEOUT)
    # The client makes empty models of a page of HTML, without a word.
    last = method.__self__.api_client.last_response
    kind = (last.getheader("content-type") or "").partition(";")[0]
    if kind != "application/json":
        raise html_answer(address, kind)
    return answer


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the client's warnings, prints and log lines off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            open(os.devnull, "w", encoding="utf-8") as nothing,
            contextlib.redirect_stdout(nothing),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
