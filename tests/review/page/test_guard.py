"""Tests of who gets an answer of the page; those that answer an attack are named after it."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any

import pytest
from made_store import MadeStore
from page_client import HOST, PORT, PageClient

from pipelines.folders import OutputFolders
from review.page import guard
from review.page.app import make_app
from review.page.guard import TOKEN, Access, is_everywhere, is_local
from review.page.server import place_for
from schemas.errors import ConfigError

OTHER_PAGE = "This request comes from another page, and is not answered.\n"
NO_TOKEN = "Open the address that `warmstart review` printed: it holds the token.\n"
ONLY_READ = "This address can only be read.\n"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> OutputFolders:
    """An output folder with one run."""
    made = MadeStore(tmp_path_factory.mktemp("output"))
    made.execution("one", "Trainer")
    return made.output


@pytest.fixture(scope="module")
def page(output: OutputFolders) -> PageClient:
    return PageClient(output)


@pytest.fixture
def locked(output: OutputFolders) -> PageClient:
    """The page with a token."""
    return PageClient(output, Access("192.0.2.7", PORT, token="right"))


PLACE = f"192.0.2.7:{PORT}"


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"[::1]:{PORT}", f"LocalHost:{PORT}"])
def test_own_names_are_answered(page: PageClient, host: str) -> None:
    assert page.get("/runs", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            f"evil.example:{PORT}",
            "127.0.0.1",
            f"127.0.0.1:{PORT + 1}",
            "localhost",
        ),
        *(f"127.0.0.1.nip.io:{PORT}", f"{HOST}.", f"{HOST}@evil.example", f"evil.example#{HOST}"),
        *(f"0.0.0.0:{PORT}", "", " ", f"127.0.0.1:{PORT},evil.example", f"0x7f.1:{PORT}"),
    ],
)
@pytest.mark.parametrize("target", ["/runs", "/runs.json", "/runs/1/events", "/static/page.js"])
def test_cve_2025_14279_dns_rebinding_host_is_refused(
    page: PageClient, host: str, target: str
) -> None:
    answer = page.get(target, host=host)

    assert answer.status == 421
    assert answer.text == (
        f"This server answers to 127.0.0.1:{PORT}, [::1]:{PORT}, localhost:{PORT} only.\n"
    )


def test_cve_2025_14279_request_without_host_is_refused(page: PageClient) -> None:
    assert page.get("/runs", host=None).status == 421


def test_cve_2025_14279_second_host_is_refused(page: PageClient) -> None:
    assert page.get("/runs", ("Host", "evil.example")).status == 421
    assert page.get("/runs", ("Host", HOST)).status == 421


def test_cve_2025_14279_forwarded_host_counts_for_nothing(page: PageClient) -> None:
    forwarded = (("X-Forwarded-Host", HOST), ("Forwarded", f"host={HOST}"))

    assert page.get("/runs", *forwarded, host="evil.example").status == 421


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", f"https://{HOST}", "http://127.0.0.1:9", ""),
        *(f"http://{HOST}.evil.example", f"http://{HOST}/", f"file://{HOST}", "http://localhost"),
    ],
)
def test_request_of_another_origin_is_refused(page: PageClient, origin: str) -> None:
    answer = page.get("/runs.json", ("Origin", origin))

    assert (answer.status, answer.text) == (403, OTHER_PAGE)


def test_request_of_own_origin_is_answered(page: PageClient) -> None:
    assert page.get("/runs.json", ("Origin", f"http://{HOST}")).status == 200


def test_second_origin_is_refused(page: PageClient) -> None:
    origins = (("Origin", f"http://{HOST}"), ("Origin", "http://evil.example"))

    assert page.get("/runs.json", *origins).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "unheard-of", ""])
@pytest.mark.parametrize(
    ("mode", "destination"),
    [("no-cors", "image"), ("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")],
)
def test_what_another_page_loads_is_refused(
    page: PageClient, site: str, mode: str, destination: str
) -> None:
    answer = page.get(
        *("/runs",),
        ("Sec-Fetch-Site", site),
        ("Sec-Fetch-Mode", mode),
        ("Sec-Fetch-Dest", destination),
    )

    assert (answer.status, answer.text) == (403, OTHER_PAGE)


def test_link_that_was_followed_is_answered(page: PageClient) -> None:
    answer = page.get(
        *("/runs/1",),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
    )

    assert answer.status != 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_the_page_itself_loads_is_answered(page: PageClient, site: str) -> None:
    assert page.get("/static/page.js", ("Sec-Fetch-Site", site)).status == 200


@pytest.mark.parametrize("target", ["/runs", "/nothing/here", "/static/page.css", "/runs.json"])
def test_clickjacking_and_foreign_content_are_ruled_out_by_headers(
    page: PageClient, target: str
) -> None:
    headers = page.get(target).headers

    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "frame-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] in {"no-store", "no-cache"}


def test_refusal_has_the_same_headers(page: PageClient) -> None:
    refused = page.get("/runs", host="evil.example").headers
    answered = page.get("/runs").headers

    kept = answered.keys() - {"content-length", "content-type"}
    assert {name: refused[name] for name in kept} == {name: answered[name] for name in kept}


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_cross_origin_sharing_is_never_granted(page: PageClient, method: str) -> None:
    for origin in (f"http://{HOST}", "http://evil.example", "null"):
        headers = page.get(
            *("/runs.json", ("Origin", origin), ("Access-Control-Request-Method", "GET")),
            method=method,
        ).headers
        assert [name for name in headers if name.startswith("access-control")] == []


def test_address_that_no_browser_sends_is_refused(page: PageClient) -> None:
    assert page.get("/runs?q=ä").status == 400
    assert page.get("/runs?q=%C3%A4%FF").status == 200


def test_head_is_answered_without_a_body(page: PageClient) -> None:
    answer = page.get("/runs", method="HEAD")

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"])
@pytest.mark.parametrize("target", ["/runs", "/artifacts/1", "/nothing"])
def test_cve_2025_1473_nothing_is_written_by_any_method(
    page: PageClient, method: str, target: str
) -> None:
    answer = page.get(target, ("Origin", f"http://{HOST}"), method=method)

    assert (answer.status, answer.text) == (405, ONLY_READ)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 403),
        ([("Origin", "null")], 403),
        ([("Origin", "http://evil.example")], 403),
        ([("Referer", f"http://{HOST}/runs")], 403),
        ([("Origin", f"http://{HOST}"), ("Sec-Fetch-Site", "cross-site")], 403),
    ],
)
def test_cve_2025_1473_csrf_where_a_path_may_be_written(
    output: OutputFolders, headers: list[tuple[str, str]], status: int
) -> None:
    writing = PageClient(output, Access("127.0.0.1", PORT, writing=("/decisions",)))

    assert writing.get("/a/decisions", *headers, method="POST").status == status


def test_form_of_the_page_itself_reaches_a_path_that_may_be_written(output: OutputFolders) -> None:
    writing = PageClient(output, Access("127.0.0.1", PORT, writing=("/decisions",)))
    own = ("Origin", f"http://{HOST}")

    assert writing.get("/a/decisions", own, method="POST").status == 404
    assert writing.get("/runs", own, method="POST").status == 405
    assert writing.get("/a/decisions", own, method="PUT").status == 405


def test_websocket_is_closed(output: OutputFolders) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    app = make_app(output, Access("127.0.0.1", PORT))
    asyncio.run(app({"type": "websocket", "path": "/runs", "headers": []}, receive, send))

    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("target", ["/runs", "/runs.json", "/static/page.js", "/runs/1/events"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer wrong")],
        [("Authorization", "right")],
        [("Authorization", "Basic right")],
        [("Cookie", f"warmstart-{PORT}=wrong")],
        [("Cookie", "token=right")],
        [("Cookie", f"warmstart-{PORT + 1}=right")],
        [("Cookie", "\x7f;=;;")],
        [("X-Token", "right")],
    ],
)
def test_without_the_token_nothing_is_shown(
    locked: PageClient, target: str, headers: list[tuple[str, str]]
) -> None:
    answer = locked.get(target, *headers, host=PLACE)

    assert (answer.status, answer.text) == (401, NO_TOKEN)


@pytest.mark.parametrize(
    "query",
    [
        "token=",
        "token=wrong",
        "token=right&token=wrong",
        "token=righ",
        "token=rightt",
        "Token=right",
    ],
)
def test_wrong_token_in_the_address_is_refused(locked: PageClient, query: str) -> None:
    assert locked.get(f"/runs?{query}", host=PLACE).status == 401


def test_token_does_not_stay_in_the_address(locked: PageClient) -> None:
    answer = locked.get(f"/runs?q=a+b&{TOKEN}=right&state=", host=PLACE)

    assert answer.status == 303
    assert answer.headers["location"] == "/runs?q=a+b&state="
    assert answer.headers["set-cookie"] == (
        f"warmstart-{PORT}=right; HttpOnly; Path=/; SameSite=lax"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("//evil.example/a", "/evil.example/a"),
        ("/\\evil.example", "/evil.example"),
        ("/%5C/evil.example", "/evil.example"),
        ("/%09/evil.example", "/%09/evil.example"),
        ("/a%0D%0ASet-Cookie:x=1", "/a%0D%0ASet-Cookie:x=1"),
        ("/https://evil.example", "/https://evil.example"),
    ],
)
def test_token_leads_to_no_other_host(locked: PageClient, target: str, location: str) -> None:
    answer = locked.get(f"{target}?{TOKEN}=right", host=PLACE)

    assert (answer.status, answer.headers["location"]) == (303, location)
    assert answer.headers["set-cookie"].startswith(f"warmstart-{PORT}=right;")


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer right")],
        [("Cookie", f"warmstart-{PORT}=right")],
        [("Cookie", f'broken cookie; other="a b\\"; warmstart-{PORT}=right; =;')],
    ],
    ids=["Authorization", "Cookie", "among cookies of others"],
)
def test_token_opens_every_address(locked: PageClient, headers: list[tuple[str, str]]) -> None:
    assert locked.get("/runs", *headers, host=PLACE).status == 200
    assert locked.get("/runs.json", *headers, host=PLACE).data["count"] == 1


def test_token_does_not_replace_the_other_rules(locked: PageClient) -> None:
    token = ("Authorization", "Bearer right")

    assert locked.get("/runs", token, host="evil.example").status == 421
    assert locked.get("/runs", token, ("Origin", "null"), host=PLACE).status == 403
    assert locked.get("/runs", token, host=PLACE, method="DELETE").status == 405


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, token: bytes) -> bool:
        compared.append(given)
        return hmac.compare_digest(given, token)

    monkeypatch.setattr(guard.secrets, "compare_digest", compare)

    class Spied(str):
        """A token that must not be compared in any other way."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared character by character")

    spied = PageClient(OutputFolders(Path("/nowhere")), Access("192.0.2.7", PORT, Spied("right")))
    spied.get(f"/runs?{TOKEN}=in-address", ("Authorization", "Bearer in-header"), host=PLACE)
    spied.get("/runs", ("Cookie", f"warmstart-{PORT}=in-cookie"), host=PLACE)

    assert {b"in-address", b"in-header", b"in-cookie"} <= set(compared)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "example.org", "::ffff:7f00:1"])
def test_binding_to_another_address_makes_a_token(address: str) -> None:
    first, second = (place_for(address, PORT, None) for _ in range(2))

    assert len(first.token) >= 32
    assert first.token != second.token
    assert first.url.endswith(f":{PORT}/runs?token={first.token}")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_binding_to_this_machine_needs_none(address: str) -> None:
    assert place_for(address, PORT, None).token == ""
    assert place_for(address, PORT, "own").token == "own"


def test_empty_token_does_not_open_the_page_to_others() -> None:
    assert len(place_for("0.0.0.0", PORT, "").token) >= 32


@pytest.mark.parametrize("token", ["a b", "a;b", "ä", "a\n", "a/b", '"', "a=b"])
def test_token_that_no_address_or_cookie_holds_is_refused(token: str) -> None:
    with pytest.raises(ConfigError) as refused:
        place_for("127.0.0.1", PORT, token)

    assert str(refused.value) == (
        "--token may only hold letters from A to Z in both cases, digits, and . _ ~ -; leave it "
        "out and one is made."
    )


def test_empty_address_does_not_stand_for_every_one() -> None:
    with pytest.raises(ConfigError) as refused:
        place_for("", PORT, None)

    assert str(refused.value) == "--host is empty; name an address, such as 127.0.0.1."


def test_where_any_name_is_right_the_token_is_needed(output: OutputFolders) -> None:
    page = PageClient(output, Access("0.0.0.0", PORT, token="right"))

    assert page.get("/runs", host="evil.example").status == 401
    assert page.get("/runs", ("Authorization", "Bearer right"), host="my.machine:1").status == 200
    assert page.get("/runs", ("Authorization", "Bearer right"), host=None).status == 421


@pytest.mark.parametrize(
    ("address", "local", "everywhere"),
    [
        ("127.0.0.1", True, False),
        ("127.9.9.9", True, False),
        ("::1", True, False),
        ("localhost", True, False),
        ("0.0.0.0", False, True),
        ("::", False, True),
        ("192.168.0.1", False, False),
        ("localhost.evil.example", False, False),
        ("0", False, False),
    ],
)
def test_addresses_are_told_apart(address: str, local: bool, everywhere: bool) -> None:
    assert (is_local(address), is_everywhere(address)) == (local, everywhere)


def test_port_80_need_not_be_named() -> None:
    hosts = Access("127.0.0.1", 80).hosts

    assert hosts is not None
    assert {"127.0.0.1", "127.0.0.1:80", "[::1]", "localhost"} <= hosts
