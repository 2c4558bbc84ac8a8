"""The errors that the registry raises: one family, told apart by what the caller can do about it.

Rules of this room: `detail` is one English sentence in the user's words and never holds a number; `code` is a stable
slug that pages translate and machines test; nothing here knows HTTP (`web/problems.py` is the only map to it).
"""

from __future__ import annotations


class RegistryError(Exception):
    """Something the registry refuses to do, with a sentence for people and a code for machines."""

    def __init__(self, detail: str, *, code: str, **facts: str | int | float) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.facts = facts


class InvalidInputError(RegistryError):
    """What was given cannot be read or makes no sense; the same input will never do."""


class SignInRequiredError(RegistryError):
    """Nobody has proved who they are yet."""


class NotAllowedError(RegistryError):
    """The one who asks is known and may not do this."""


class NotFoundError(RegistryError):
    """There is no such thing, or none that the one who asks may see."""


class ConflictError(RegistryError):
    """The state of things stands against it; another state may allow it."""


class TooManyError(RegistryError):
    """An allowance is spent. `retry_after` is whole seconds until it is worth trying again."""

    def __init__(self, detail: str, *, code: str, retry_after: int, **facts: str | int | float) -> None:
        super().__init__(detail, code=code, retry_after=retry_after, **facts)
        self.retry_after = retry_after


class UnavailableError(RegistryError):
    """Something we need does not answer now (database, disk, gateway, feed); trying again later makes sense."""


class FeedError(RegistryError):
    """A feed or list file that a follower must not take: altered, cut, older, expired, signed by another key."""


class SettingsError(RegistryError):
    """settings.toml or the keys beside it cannot be used; the program does not start."""
