"""`decline-sync scrub | check`: for telemarketers, who have call lists or a few numbers checked.

Rules of this room: the key comes from a file or the environment, never as an argument, which other users of the machine
could see; exit codes tell what a script has to know: 0 done; 1 refused; 2 not understood; 3 done, and some lines were
not answered because the quota was reached; 4 not now (nobody answers, or an officer decides first): the same command
again goes on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from registry.decisions import ZONE
from registry.errors import UnavailableError
from registry.preferences import Category, Channel
from registry.times import iso
from sync.scrubapi import Api, Patience
from sync.scrubclient import Ask, Client, Stage

QUOTA_REACHED, AWAY = 3, 4
_AT_ONCE = 1_000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CHANNELS = click.Choice([channel.slug for channel in Channel])
_CATEGORIES = click.Choice([category.slug for category in Category])
_SAID: dict[Stage, str] = {"send": "Sending", "check": "Checking", "fetch": "Fetching"}


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """What both commands need: where, with which key, for what kind of contact."""
    for option in reversed((
        click.option("--url", required=True, help="The registry's address, as https://registry.example."),
        click.option("--key-file", type=_FILE, help="A file with the API key; else it is in DECLINE_CALL_KEY."),
        click.option("--channel", required=True, type=_CHANNELS, help="How people will be contacted."),
        click.option("--category", required=True, type=_CATEGORIES, help="The industry."),
        click.option("--campaign", default="", help="Your word for the campaign; it stands in the receipt."),
        click.option("--on-behalf", default="", help="The id of the principal you act for."),
        click.option("--country", default="CN", show_default=True, help="Reads numbers written without a country."),
        click.option("--at", "at_text", help="When contacts are to happen, as 2026-11-23T10:00+08:00; by default now."),
        click.option(
            "--patience", type=click.FloatRange(0), default=600.0, show_default=True,
            help="Seconds to go on trying while the registry does not answer.",
        ),
    )):
        command = option(command)
    return command


@click.command()
@click.argument("file", type=_FILE)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the result goes.")
@_options
@click.option("--column", default="", help="The numbers' column, by name or place from 1; by default it is looked for.")
@click.option("--only", type=click.Choice(["allowed", "declined", "invalid"]), help="The lines of one verdict only.")
@click.option("--receipt", type=click.Path(dir_okay=False, path_type=Path), help="Where the receipt goes.")
@click.option(
    "--part-mb", type=click.FloatRange(0.01, 1000), default=16.0, show_default=True, help="Megabytes sent at a time."
)
@click.pass_context
def scrub(
    context: click.Context, file: Path, out: Path, url: str, key_file: Path | None, channel: str, category: str,
    campaign: str, on_behalf: str, country: str, at_text: str | None, patience: float, column: str, only: str | None,
    receipt: Path | None, part_mb: float,
) -> None:
    """Have FILE, a call list in any format, checked; the same command again goes on where it stopped."""
    ask = Ask(channel, category, campaign, on_behalf, country, column, _moment(at_text))
    console = Console(stderr=True)
    with _bar(console) as progress:
        api = Api(url, _key_of(key_file), Patience(patience, told=progress.console.print))
        client = Client(
            api, file, out, ask, only=only or "", receipt=receipt, part=int(part_mb * 1_000_000), watch=_Bars(progress)
        )
        try:
            job = client.run()
        except UnavailableError as error:
            _away(context, error)
        except KeyboardInterrupt:
            click.echo("Stopped here; the same command again goes on.", err=True)
            context.exit(130)
        finally:
            api.close()
    click.echo(_summary(job))
    if job["problem"] == "quota_reached":
        click.echo("Your quota was reached: lines that say quota_reached were not answered.", err=True)
        context.exit(QUOTA_REACHED)


@click.command()
@_options
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each number, for scripts.")
@click.pass_context
def check(
    context: click.Context, url: str, key_file: Path | None, channel: str, category: str, campaign: str, on_behalf: str,
    country: str, at_text: str | None, patience: float, *, as_json: bool,
) -> None:
    """Check numbers from standard input, one a line; print number, verdict, reason, until and the next allowed hour."""
    said = {
        "channel": channel, "category": category, "campaign": campaign, "on_behalf": on_behalf, "country": country,
    }  # fmt: skip
    moment = _moment(at_text)
    said |= {"at": moment} if moment else {}
    api = Api(url, _key_of(key_file), Patience(patience, told=lambda text: click.echo(text, err=True)))
    spent = False
    try:
        for numbers in _chunks(line.strip() for line in sys.stdin):
            for answer in api.ask("POST", "checks", json={**said, "numbers": numbers})["answers"]:
                spent |= answer["reason"] == "quota_reached"
                click.echo(json.dumps(answer, ensure_ascii=False) if as_json else _line(answer))
    except UnavailableError as error:
        _away(context, error)
    finally:
        api.close()
    if spent:
        context.exit(QUOTA_REACHED)


COMMANDS = (scrub, check)


def _away(context: click.Context, error: UnavailableError) -> None:
    click.echo(f"{error.detail} The same command again goes on. [{error.code}]", err=True)
    context.exit(AWAY)


def _key_of(key_file: Path | None) -> str:
    key = key_file.read_text(encoding="utf-8") if key_file is not None else os.environ.get("DECLINE_CALL_KEY", "")
    if not key.strip():
        raise click.UsageError("An API key is needed: --key-file FILE, or DECLINE_CALL_KEY.")
    return key.strip()


def _moment(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError("--at takes a moment like 2026-11-23T10:00+08:00.") from error
    return iso(moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(ZONE)))


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    filled = (line for line in lines if line)
    while chunk := list(islice(filled, _AT_ONCE)):
        yield chunk


def _line(answer: dict[str, Any]) -> str:
    names = ("number", "verdict", "reason", "until", "next_allowed")
    return "\t".join(str(answer.get(name, "")) for name in names).rstrip()


def _summary(job: dict[str, Any]) -> str:
    """What came of a scrub, for people."""
    counts = job["counts"]
    lines = [f"{job['lines']:,} lines: " + ", ".join(f"{counts[name]:,} {name}" for name in counts)]
    lines += [
        f"  {kind.replace('/', ', ')}: {count:,}"
        for kind, count in sorted(job["reasons"].items(), key=lambda item: -item[1])
    ]
    lines.append(f"The answers hold until {job['valid_until']}; list and result are kept until {job['kept_until']}.")
    if job["receipt"]:
        lines.append(f"Receipt {job['receipt']}.")
    return "\n".join(lines)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip


class _Bars:
    """A bar for each stage, shown from when it begins."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Stage, Any] = {}

    def __call__(self, stage: Stage, done: float, of: float, left: float | None) -> None:  # noqa: ARG002 - bars reckon themselves
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(_SAID[stage], total=of or None)
        self._progress.update(self._tasks[stage], completed=done, total=of or None)
