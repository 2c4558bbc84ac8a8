"""Feed files over HTTP: whose they are, caching, ETags and ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles import MemoryShelf
from tests.web.conftest import Carrier

Problem = Callable[[Any, int], dict[str, Any]]
CONTENT = bytes(range(256)) * 4
LIST = "lists/5-delta.parquet"
URL = f"/api/v1/feeds/cmcc/{LIST}"


@pytest.fixture
def headers(shelf: MemoryShelf, carrier: Carrier) -> dict[str, str]:
    shelf.put(f"feeds/cmcc/{LIST}", CONTENT)
    shelf.put("feeds/cmcc/metadata/timestamp.json", b"{1}")
    shelf.put("feeds/cmcc/metadata/1.root.json", b"{}")
    shelf.put("feeds/ctcc/metadata/timestamp.json", b"{2}")
    return carrier("cmcc", "feed")


def test_a_carrier_fetches_its_own_feed(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get(URL, headers=headers)
    assert answer.status_code == 200
    assert answer.data == CONTENT
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "RateLimit-Policy" in answer.headers
    assert "r=1199" in answer.headers["RateLimit"]


def test_another_carriers_feed_stays_closed(
    client: FlaskClient, headers: dict[str, str], carrier: Carrier, problem: Problem
) -> None:
    url = "/api/v1/feeds/ctcc/metadata/timestamp.json"
    assert problem(client.get(url, headers=headers), 403)["code"] == "not_your_feed"
    assert problem(client.get(url), 401)["code"] == "key_missing"
    assert client.get(url, headers=carrier("ctcc", "feed")).data == b"{2}"


def test_the_pointer_is_asked_for_anew_and_answers_not_modified(client: FlaskClient, headers: dict[str, str]) -> None:
    url = "/api/v1/feeds/cmcc/metadata/timestamp.json"
    first = client.get(url, headers=headers)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get(url, headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert not again.data


def test_the_pointer_that_moved_has_another_etag(
    client: FlaskClient, headers: dict[str, str], shelf: MemoryShelf
) -> None:
    url = "/api/v1/feeds/cmcc/metadata/timestamp.json"
    first = client.get(url, headers=headers)
    shelf.put("feeds/cmcc/metadata/timestamp.json", b"{3}")
    again = client.get(url, headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.data == b"{3}"


def test_a_file_that_is_known_is_not_sent_again(client: FlaskClient, headers: dict[str, str]) -> None:
    tag = client.get(URL, headers=headers).headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f'"other", {tag}', "*"):
        answer = client.get(URL, headers={**headers, "If-None-Match": known})
        assert answer.status_code == 304
        assert answer.headers["ETag"] == tag
    assert client.get(URL, headers={**headers, "If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=1000-", 1000, 1024), ("bytes=-24", 1000, 1024), ("bytes=5-99999", 5, 1024)],
)
def test_a_range_is_sent_alone(
    client: FlaskClient, headers: dict[str, str], wanted: str, start: int, stop: int
) -> None:
    answer = client.get(URL, headers={**headers, "Range": wanted})
    assert answer.status_code == 206
    assert answer.data == CONTENT[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1024"
    assert answer.headers["Content-Length"] == str(stop - start)


def test_a_range_beyond_the_end_is_refused_with_the_size(
    client: FlaskClient, headers: dict[str, str], problem: Problem
) -> None:
    answer = client.get(URL, headers={**headers, "Range": "bytes=1024-"})
    assert problem(answer, 416)["code"] == "range_not_satisfiable"
    assert answer.headers["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-9", "lines=1-2", "bytes=x", "bytes=9-2"])
def test_a_range_that_we_do_not_serve_gets_the_whole(client: FlaskClient, headers: dict[str, str], wanted: str) -> None:
    answer = client.get(URL, headers={**headers, "Range": wanted})
    assert answer.status_code == 200
    assert answer.data == CONTENT


def test_a_range_counts_only_for_the_file_it_was_begun_with(client: FlaskClient, headers: dict[str, str]) -> None:
    tag = client.get(URL, headers=headers).headers["ETag"]
    wanted = {**headers, "Range": "bytes=0-0"}
    assert client.get(URL, headers={**wanted, "If-Range": tag}).status_code == 206
    assert client.get(URL, headers={**wanted, "If-Range": '"other"'}).status_code == 200
    assert client.get(URL, headers={**wanted, "If-Range": f"W/{tag}"}).status_code == 200
    assert client.get(URL, headers={**wanted, "If-Range": "Wed, 21 Oct 2026 07:28:00 GMT"}).status_code == 200


def test_head_tells_size_and_etag_without_the_bytes(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.head(URL, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "1024"
    assert "ETag" in answer.headers
    assert not answer.data


@pytest.mark.parametrize(
    "path",
    [
        "lists/none.parquet", "metadata/99.root.json", "secret", "lists/", "lists/../../../settings.toml",
        "lists/%2e%2e/x", "metadata/.hidden", "lists//x", "lists/a b", "targets/" + "a" * 400, "lists/\x00",
    ],
)
def test_what_a_feed_does_not_have_is_not_found(
    client: FlaskClient, headers: dict[str, str], problem: Problem, path: str
) -> None:
    answer = client.get(f"/api/v1/feeds/cmcc/{path}", headers=headers)
    assert problem(answer, 404)["code"] == "not_found"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, 1100), length=st.integers(1, 1100))
def test_any_range_is_the_same_slice_of_the_file(
    client: FlaskClient, headers: dict[str, str], first: int, length: int
) -> None:
    answer = client.get(URL, headers={**headers, "Range": f"bytes={first}-{first + length - 1}"})
    if first < len(CONTENT):
        assert answer.data == CONTENT[first : first + length]
    else:
        assert answer.status_code == 416


def test_a_key_that_asks_too_often_has_to_wait(
    client: FlaskClient, headers: dict[str, str], problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web.api import metering

    monkeypatch.setattr(metering, "MOST", 2)
    url = "/api/v1/feeds/cmcc/metadata/1.root.json"
    assert [client.get(url, headers=headers).status_code for _ in range(2)] == [200, 200]
    answer = client.get(url, headers=headers)
    assert problem(answer, 429)["code"] == "requests_spent"
    assert answer.headers["Retry-After"] == "30"
    assert "r=0" in answer.headers["RateLimit"]
