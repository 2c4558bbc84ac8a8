"""`decline-sync conformance | serve`: for carriers that build their own side and try it out in the sandbox.

Rules of this room: exit code 1 where anything failed; what failed is printed with what was expected and why.
"""

from __future__ import annotations

import json
import signal
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from registry.outside.clock import SystemClock
from sync import trust
from sync.answering import Answerer, server
from sync.conformance import Finding, Run, edition_finding
from sync.source import HttpSource
from sync.state import StateFolder

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("url")
@click.option("--feed-url", help="Your sandbox feed (…/api/v1/feeds/PARTY): its edition must be the one you answer by.")
@click.option("--key-file", type=_FILE, help="A file with the API key for that feed.")
@click.option("--root", "root_file", type=_FILE, help="The trusted root of that feed.")
@click.option(
    "--timeout", type=click.FloatRange(0.05, 60), default=5.0, show_default=True, help="Seconds an answer may take."
)
@click.option("--batch/--no-batch", default=True, show_default=True, help="Whether to ask many questions at once, too.")
@click.option("--json", "as_json", is_flag=True, help="All findings as JSON, for scripts.")
def conformance(
    url: str, feed_url: str | None, key_file: Path | None, root_file: Path | None, *, timeout: float, batch: bool,
    as_json: bool,
) -> None:
    """Ask the implementation at URL about every magic number (POST URL/lookup); say what it answers wrongly."""
    given = [each for each in (feed_url, key_file, root_file) if each is not None]
    if given and len(given) < 3:
        raise click.UsageError("--feed-url, --key-file and --root belong together.")
    before = _newest(feed_url, key_file, root_file) if feed_url and key_file and root_file else 0
    run = Run(url, timeout=timeout, batch=batch)
    for finding in run.go():
        if not as_json and not finding.passed:
            click.echo(_in_words(finding))
    if feed_url and key_file and root_file:
        finding = edition_finding(run.editions, before=before, after=_newest(feed_url, key_file, root_file))
        run.findings.append(finding)
        if not as_json and not finding.passed:
            click.echo(_in_words(finding))
    if as_json:
        said = {"passed": len(run.findings) - len(run.failed), "failed": len(run.failed)}
        editions = {"editions": sorted(run.editions)}
        click.echo(json.dumps({**said, **editions, "findings": [asdict(each) for each in run.findings]}, indent=1))
    else:
        word = ", ".join(map(str, sorted(run.editions))) or "none"
        click.echo(f"{len(run.findings) - len(run.failed)} of {len(run.findings)} passed; editions answered by: {word}")
    if run.failed:
        raise click.exceptions.Exit(1)


def _newest(feed_url: str, key_file: Path, root_file: Path) -> int:
    """The newest edition of a feed, verified."""
    source = HttpSource(feed_url, key_file.read_text(encoding="utf-8").strip())
    party = feed_url.rstrip("/").rpartition("/")[2]
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = trust.newest(source, Path(folder), root_file.read_bytes(), SystemClock().now(), recipient=party)
            return found.index.newest
    finally:
        source.close()


def _in_words(finding: Finding) -> str:
    def words(said: Mapping[str, object]) -> str:
        return ", ".join(f"{name} {value}" for name, value in said.items()) or "nothing"

    return (
        f"FAILED {finding.case} [{finding.problem}]\n  asked: {words(finding.asked)}\n"
        f"  expected: {words(finding.expected)}\n  got: {words(finding.got)}\n  {finding.why}"
    )


@click.command()
@click.argument("state", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=8089, show_default=True, help="0 takes a free one.")
def serve(state: Path, port: int) -> None:
    """Answer lookups from the list in STATE over HTTP (POST /lookup), on this machine alone, until Ctrl-C."""
    made = server(Answerer(StateFolder(state)), port)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: threading.Thread(target=made.shutdown).start())
    click.echo(f"http://127.0.0.1:{made.server_port}")
    try:
        made.serve_forever(0.1)
    finally:
        made.server_close()


COMMANDS = (conformance, serve)
