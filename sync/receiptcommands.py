"""`decline-sync receipt verify`: check a receipt, the result it is about, and the answer for one number; offline, too.

Rules of this room: nothing is believed before the signature was checked; a number comes from standard input where
others could see the command; exit codes tell what a script has to know: 0 all of it holds; 1 it does not; 2 not
understood; 3 genuine, and its time is over; 4 the registry does not answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import sys
from pathlib import Path

import click
import msgspec

from registry import receiptchecks
from registry.calllists.rereading import reread
from registry.envelopes import Envelope
from registry.errors import InvalidInputError, UnavailableError
from registry.numbering import NumberPlan, load_plan
from registry.numbers import Number, parse_one
from registry.outside.clock import SystemClock
from registry.rebuilding import rebuild
from registry.receiptchecks import Answer, Checked
from registry.receiptforms import Organisation, Payload, ProofFile
from registry.receiptkeys import PublicKey, known
from registry.times import iso
from sync.scrubapi import Api, Patience

OVER, AWAY = 3, 4
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PIECE = 1 << 20


@click.group()
def receipt() -> None:
    """Check receipts of scrubs."""


@receipt.command()
@click.argument("file", type=_FILE)
@click.option(
    "--public-key", "texts", multiple=True, help="A receipt key that you trust, in base64; as often as needed."
)
@click.option("--url", default="", help="The registry's address: its receipt keys are fetched there.")
@click.option("--result", type=_FILE, help="The whole result that the receipt is about, to be checked with it.")
@click.option("--number", help="The number whose answer is to be proved; `-`: read it from standard input.")
@click.option("--country", default="CN", show_default=True, help="Reads numbers written without a country.")
@click.option("--column", help="The numbers' column in the result, by name or place from 1.")
@click.option("--key-file", type=_FILE, help="A file with the API key, to ask the registry for the proof of a number.")
@click.option("--proof", type=click.Path(dir_okay=False, path_type=Path), help="Where the proof goes, a file to show.")
@click.pass_context
def verify(
    context: click.Context, file: Path, texts: tuple[str, ...], url: str, result: Path | None, number: str | None,
    country: str, column: str | None, key_file: Path | None, proof: Path | None,
) -> None:
    """Check FILE, a receipt or a proof: whose key signed it, what it says, and whether it holds still."""
    plan, now, raw = load_plan(), SystemClock().now(), _read(file)
    try:
        keys = keys_of(texts, url)
        checked = receiptchecks.check(raw, keys, now=now)
        said, answer = _words(checked), checked.answer
        wanted = _number(number, plan, country) if number is not None else None
        made = raw if answer is not None else b""
        if result is not None:
            made = _from_result(checked.payload, raw, result, plan, country, column, wanted)
            said.append("Result: the file that the receipt is about, with the answers that were signed.")
        elif wanted is not None and answer is None:
            made = _asked(checked.payload, url, key_file, wanted)
    except UnavailableError as error:
        click.echo(f"{error.detail} [{error.code}]", err=True)
        context.exit(AWAY)
    if made:
        answer = receiptchecks.check(made, keys, now=now).answer
    if answer is not None:
        if wanted is not None and answer.number != wanted:
            raise InvalidInputError("The proof is about another number.", code="other_number")
        said += _said(answer)
        if proof is not None:
            proof.write_bytes(made)
    elif proof is not None:
        raise click.UsageError("A proof is about one number: name it by --number.")
    click.echo("\n".join(said))
    context.exit(0 if (answer.holds if answer is not None else checked.holds) else OVER)


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(receiptchecks.MOST_BYTES + 1)


def keys_of(texts: tuple[str, ...], url: str) -> list[PublicKey]:
    """The public keys that are named, else those that a registry publishes. Raises InvalidInputError bad_key."""
    if not texts and not url:
        raise click.UsageError("Say whose signature you trust: --public-key KEY, or --url URL to fetch them there.")
    if not texts:
        api = Api(url, "", Patience(0))
        try:
            texts = tuple(str(key["public"]) for key in api.ask("GET", "receipt-keys").get("keys", ()))
        finally:
            api.close()
    try:
        raws = [base64.b64decode(text, validate=True) for text in texts]
    except (binascii.Error, ValueError):
        raws = [b""]
    if any(len(raw) != 32 for raw in raws):
        raise InvalidInputError("A public key is 32 bytes in base64.", code="bad_key")
    return [known(raw) for raw in raws]


def _number(text: str, plan: NumberPlan, country: str) -> Number:
    return parse_one(sys.stdin.readline().strip() if text == "-" else text, plan, country=country)


def _from_result(
    payload: Payload, raw: bytes, result: Path, plan: NumberPlan, country: str, column: str | None,
    wanted: Number | None,
) -> bytes:
    """Check a result, and make the proof of a number by it. Raises InvalidInputError other_result, no_salt_key."""
    digest, size = hashlib.sha256(), 0
    with result.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
            size += len(piece)
        if (digest.hexdigest(), size) != (payload.result.sha256, payload.result.bytes):
            raise InvalidInputError("This is not the whole result that the receipt is about.", code="other_result")
        file = msgspec.json.decode(raw, type=_Kept)
        try:
            salt_key = base64.b64decode(file.salt_key, validate=True)
        except (binascii.Error, ValueError):
            salt_key = b""
        if len(salt_key) != 32:
            raise InvalidInputError("Only a receipt file with its salt key goes with a result.", code="no_salt_key")
        tree = rebuild(
            payload, salt_key, reread(opened, result.name, plan, country=country, wanted=column), plan, country=country
        )
    return msgspec.json.encode(ProofFile(file.envelope, tree.prove(wanted))) if wanted is not None else b""


class _Kept(msgspec.Struct):
    """A receipt file, where it has a salt key."""

    envelope: Envelope
    salt_key: str = ""


def _asked(payload: Payload, url: str, key_file: Path | None, number: Number) -> bytes:
    if not url or key_file is None:
        raise click.UsageError("To prove a number give --result FILE, or --url URL and --key-file FILE to ask there.")
    api = Api(url, key_file.read_text(encoding="utf-8").strip(), Patience(0))
    try:
        return msgspec.json.encode(api.ask("POST", f"receipts/{payload.id}/proofs", json={"number": number.text}))
    finally:
        api.close()


def _words(checked: Checked) -> list[str]:
    """What a receipt says, a line each."""
    payload, counts = checked.payload, checked.payload.counts
    behalf = _name(payload.on_behalf) if payload.on_behalf is not None else "its own"
    lines = [
        f"Genuine: signed by the key {checked.key.keyid}",
        f"Receipt: {payload.id}, issued {iso(payload.issued)}",
        f"Who: {_name(payload.party)}, on behalf: {behalf}",
        f"What: {payload.channel}, {payload.category}, from {iso(payload.at)}, campaign: {payload.campaign or '-'}",
        f"Counts: {payload.lines} lines, {counts['allowed']} allowed, {counts['declined']} declined, "
        f"{counts['invalid']} invalid, {payload.tree.size} distinct numbers",
        f"By: edition {payload.edition}, rulebook {payload.rulebook}",
        f"Came in: SHA-256 {payload.input.sha256}",
        f"Went out: SHA-256 {payload.result.sha256}",
        f"{'Holds' if checked.holds else 'Has ended: held'} until {iso(payload.valid_until)}",
    ]
    return [*lines, "SANDBOX: about magic numbers only; it proves nothing."] if payload.sandbox else lines


def _name(found: Organisation) -> str:
    return " ".join(part for part in (found.name_en or found.name_zh, f"({found.id})", found.registration) if part)


def _said(answer: Answer) -> list[str]:
    state = "holds" if answer.holds else "has ended: held"
    return [f"Number {answer.number.text}: {answer.verdict} ({answer.reason}), {state} until {iso(answer.until)}"]


GROUPS = (receipt,)
