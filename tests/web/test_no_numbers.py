"""No number in logs, addresses, errors or files: the real site is used well and badly, then everything is searched."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests

from registry import credentials, parties
from registry.assembly import assemble
from registry.numbering import load_plan
from registry.numbers import Number, parse_one
from registry.settings import SiteSettings
from tests.traces import forms, traces
from tests.web.serving import Site, serving

pytestmark = pytest.mark.processes

TEXTS = ("13876543210", "13987651234", "17712349876")
OWN, CALLED, CALLER = TEXTS
PASSWORD = "correct horse 电池"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_LINKS = re.compile(r'(?:href|action|src)="([^"]*)"')


class Person:
    """Somebody at a screen; keeps every address and every machine's answer that was seen."""

    def __init__(self, site: Site) -> None:
        self.site, self.web = site, requests.Session()
        self.addresses: list[str] = []
        self.said: list[str] = []

    def get(self, path: str, **more: Any) -> requests.Response:
        return self._seen(self.web.get(self.site.url + path, timeout=20, **more))

    def submit(self, path: str, *, page: str = "", **fields: Any) -> requests.Response:
        found = _TOKEN.search(self.get(page or path).text)
        assert found, page or path
        data = {"csrf_token": found.group(1), **fields}
        return self._seen(self.web.post(self.site.url + path, data=data, timeout=20))

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = requests.request(method, self.site.url + path, timeout=20, **more)
        self.said.append(answer.text)
        return answer

    def code(self) -> str:
        assert self.site.child.stdout
        line = self.site.child.stdout.readline()
        return str(re.findall(r"(?<!\d)\d{6}(?!\d)", line)[0])

    def _seen(self, answer: requests.Response) -> requests.Response:
        for step in (*answer.history, answer):
            self.addresses += [step.url, step.headers.get("Location", ""), *_LINKS.findall(step.text)]
        return answer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("numbers") / "instance") as running:
        yield running


@pytest.fixture(scope="module")
def person(site: Site) -> Person:
    """Everything that happens; the tests look at what it left."""
    found = Person(site)
    headers = _people(site)
    _prove_well_and_badly(found)
    _own_pages(found)
    _machines(found, headers)
    _call_lists(found)
    _nonsense(found, headers)
    _members(found)
    return found


def _people(site: Site) -> dict[str, str]:
    """A carrier with a key and a clerk."""
    registry = assemble(site.folder)
    store, clock = registry.store, registry.clock
    parties.add_party(store, clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile")
    _id, secret = parties.issue_key(store, clock, party="cmcc", scopes=("feed", "reports"), label="test")
    clerk = parties.add_member(store, clock, party="cmcc", email="li@cmcc.example", name="Li", role="clerk")
    token = credentials.invite(store, clock, member=clerk.member)
    credentials.accept_invitation(store, clock, SiteSettings(bcrypt_cost=4), token=token, password=PASSWORD)
    registry.close()
    return {"Authorization": f"Bearer {secret}"}


def _prove_well_and_badly(person: Person) -> None:
    for wrong in ("1387654321", f"{OWN} ext 7", f"{OWN} {CALLED}", f"{OWN}abc", "010-62341234", f"+86{OWN}0"):
        assert person.submit("/register", number=wrong).status_code == 422
    assert person.submit("/register", number=f"+86 {OWN[:3]} {OWN[3:7]} {OWN[7:]}").status_code == 200
    code = person.code()
    assert person.submit("/code", code=f"{(int(code) + 1) % 1_000_000:06d}").status_code == 422
    assert person.submit("/code", code=OWN).status_code == 422
    assert person.submit("/register", number=OWN).status_code == 429
    assert person.submit("/code", code=code).status_code == 200


def _own_pages(person: Person) -> None:
    assert person.submit("/my-number/choose", choice="everything").status_code == 200
    for page in ("", "/history", "/done", "/withdraw"):
        assert person.get(f"/my-number{page}").status_code == 200
    for page in ("/report", "/my-reports"):
        assert person.get(page).status_code == 200
    for caller, said in ((CALLER, f"It came from {CALLER}"), ("12x", f"asked for {OWN}")):
        person.submit("/report", what="human", caller=caller, category="loan", description=said)
    assert person.submit("/my-number/withdraw").status_code == 200
    person.submit("/my-number/sign-out", page="/my-number")


def _machines(person: Person, headers: dict[str, str]) -> None:
    assert person.send("POST", "/api/v1/codes", json={"number": CALLED}).status_code == 202
    body = {"number": CALLED, "code": person.code(), "preference": "everything"}
    for wrong in ({"code": CALLED[:6]}, {"number": f"{CALLED}x"}, {CALLED: 1}, {"code": CALLED}):
        assert person.send("POST", "/api/v1/registrations", json={**body, **wrong}).status_code == 422
    assert requests.post(f"{person.site.url}/api/v1/registrations", json=body, timeout=20).status_code == 201
    row = {
        "id": f"{CALLED}-1", "called": f"+86{CALLED}", "caller": CALLER, "channel": "calls", "category": "loan",
        "at": "2026-05-11T10:00:00+08:00", "telemarketer": f"Shop {CALLER}", "description": f"call {OWN} back",
    }  # fmt: skip
    rows = [row, {**row, "id": "2", "called": f"{CALLED}0"}, {**row, "id": "3", OWN: 1}, {**row, "id": OWN, "at": OWN}]
    content = "\n".join([*map(json.dumps, rows), f"{OWN},{CALLED}", f'{{"called": "{OWN}"']).encode()
    take = {**headers, "Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson", "Idempotency-Key": OWN}
    answer = requests.post(f"{person.site.url}/api/v1/reports", data=content, headers=take, timeout=20)
    *said, last = [json.loads(line) for line in answer.text.splitlines()]
    assert (last["accepted"], last["quarantined"]) == (1, 5)
    person.said += [json.dumps({name: value for name, value in each.items() if name != "id"}) for each in said]
    name = said[-1]["quarantine"]
    person.send("POST", f"/api/v1/quarantine/{name}/discard", json={"note": f"was {OWN}"}, headers=headers)
    for feed in (f"/api/v1/feeds/{OWN}/metadata/1.root.json", f"/api/v1/feeds/cmcc/lists/{OWN}"):
        assert person.send("GET", feed, headers=headers).status_code in {403, 404}


def _call_lists(person: Person) -> None:
    registry = assemble(person.site.folder)
    parties.add_party(registry.store, registry.clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="A")
    _id, secret = parties.issue_key(
        registry.store, registry.clock, party="acme", scopes=("check", "scrub"), label="test"
    )
    registry.close()
    key, url = {"Authorization": f"Bearer {secret}"}, f"{person.site.url}/api/v1"
    ask = {"channel": "calls", "category": "loan", "campaign": f"for {OWN}"}
    body = {**ask, "numbers": [OWN, {"number": f"+86 {CALLED}", "id": CALLER}, f"{CALLER}x"]}
    told = requests.post(f"{url}/checks", json=body, headers=key, timeout=20)
    assert told.status_code == 200, told.text
    for wrong in ({"numbers": [1.5, OWN]}, {"on_behalf": OWN}, {"numbers": [{"number": OWN, OWN: 1}]}, {"at": OWN}):
        assert person.send("POST", "/api/v1/checks", json={**body, **wrong}, headers=key).status_code == 422
    more = {**key, "Idempotency-Key": OWN}
    announced = {**ask, "name": f"{OWN}.csv", "column": CALLED}
    begun = person.send("POST", "/api/v1/scrubs", json=announced, headers=more).json()
    scrub = f"/api/v1/scrubs/{begun['scrub']}"
    content = f"phone,name\n{OWN},Li\n{CALLED},{CALLER}\n".encode()
    assert person.send("PUT", f"{scrub}/parts/1", data=content, headers=key).status_code == 200
    assert person.send("POST", f"{scrub}/submission", headers=key).status_code == 202
    assert person.send("POST", f"{scrub}/again", headers={**key, "Idempotency-Key": CALLED}).status_code == 202
    query = {**ask, "name": CALLER, "column": OWN}  # what the sender writes into its own address
    requests.post(f"{url}/scrubs", params=query, data=content, headers={**key, "Content-Type": "text/csv"}, timeout=20)
    for path in (f"/api/v1/scrubs/{OWN}", f"{scrub}/parts/{OWN}", f"/api/v1/scrubs?before={OWN}", f"{scrub}/result"):
        assert person.send("GET", path, headers=key).status_code in {404, 405, 409, 200}
    person.send("GET", "/api/v1/scrubs", headers=key)


def _nonsense(person: Person, headers: dict[str, str]) -> None:
    for method, path in (
        ("GET", f"/{OWN}?number={OWN}"), ("PATCH", f"/api/v1/{OWN}"), ("GET", f"/api/v1/quarantine?state={OWN}"),
        ("GET", f"/static/{OWN}"), ("GET", f"/problems/{OWN}"), ("DELETE", f"/my-number?number=%2B86{OWN}"),
    ):
        sent = {**headers, "User-Agent": OWN, "Referer": f"http://x/{OWN}", "X-Request-Id": OWN, "Cookie": f"a={OWN}"}
        person.send(method, path, headers=sent)
    person.send("POST", "/api/v1/codes", data=f"number={OWN}", headers={"Content-Type": "application/json"})
    person.send("POST", "/api/v1/codes", json={"number": OWN, "purpose": OWN})
    person.send("GET", "/party", headers={"Authorization": f"Bearer dc_{OWN}_{OWN}"})
    with socket.create_connection(("127.0.0.1", person.site.port)) as raw:
        raw.sendall(f"GET /{OWN} NONSENSE/{OWN}\r\n{OWN}\r\n\r\n".encode())
        raw.recv(1000)


def _members(person: Person) -> None:
    for email, password in ((f"{OWN}@cmcc.example", OWN), ("li@cmcc.example", OWN), ("li@cmcc.example", PASSWORD)):
        person.submit("/sign-in", email=email, password=password)
    for page in ("/party", "/party/reports", "/party/quarantine", "/party/editions"):
        assert person.get(page).status_code == 200, page


@pytest.fixture(scope="module")
def numbers() -> list[Number]:
    plan = load_plan()
    return [parse_one(text, plan) for text in TEXTS]


def only_digits(text: str) -> str:
    return re.sub(r"[^0-9\n]", "", text)


def test_no_log_line_holds_a_number(person: Person) -> None:
    log = person.site.log()
    assert log.count('"event": "request"') > 60
    for number in TEXTS:
        assert number not in only_digits(log)


def test_no_address_holds_a_number(person: Person) -> None:
    assert len(person.addresses) > 200
    for address in person.addresses:
        for number in TEXTS:
            assert number not in only_digits(unquote(address)), address


def test_no_answer_to_a_machine_repeats_a_number(person: Person) -> None:
    assert len(person.said) > 20
    for said in person.said:
        for number in TEXTS:
            assert number not in only_digits(said), said


def test_a_stolen_instance_without_its_keys_holds_no_number(
    person: Person, numbers: list[Number], tmp_path: Path
) -> None:
    """While it runs (with the write-ahead log) and after it was stopped; the embedded gateway's file, too."""
    live = tmp_path / "live"
    shutil.copytree(person.site.folder, live)
    assert (live / "registry.db-wal").stat().st_size > 0
    assert "****" in (live / "dev-messages.ndjson").read_text()
    assert traces(numbers, live) == []
    person.site.stop()
    assert traces(numbers, person.site.folder) == []


def test_the_search_finds_what_it_looks_for(numbers: list[Number], tmp_path: Path) -> None:
    for place, (what, raw) in enumerate(forms(numbers[0])):
        folder = tmp_path / str(place)
        folder.mkdir()
        (folder / "file").write_bytes(b"\x00x" + raw + b"x")
        assert f"file: {what}" in traces(numbers, folder)
