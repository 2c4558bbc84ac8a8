"""Every command explains itself and stands in a guide."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from sync.__main__ import main as sync_main
from web.commands import main as call_main

GUIDES = "\n".join(p.read_text() for p in (Path(__file__).parents[1] / "docs" / "guides").glob("*.md"))


def commands(group: click.Command, name: str) -> list[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        return [found for word, command in group.commands.items() for found in commands(command, f"{name} {word}")]
    return [(name, group)]


EVERY = commands(call_main, "decline-call") + commands(sync_main, "decline-sync")


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_every_command_has_help_and_stands_in_a_guide(name: str, command: click.Command) -> None:
    assert command.help
    assert f"`{name}" in GUIDES
    assert all(option.help for option in command.params if isinstance(option, click.Option))
