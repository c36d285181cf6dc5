"""Errors that a user can act on: they name the thing, the cause and the next step."""

from __future__ import annotations

import errno
import re

_ADDRESS = re.compile(r"\b[a-z]+://[^\s'\"<>]+", re.IGNORECASE)
_SECRET = re.compile(r"((?:user|login|pass|pwd|token|secret|key|auth)\w*=)[^&/;,]+", re.IGNORECASE)
_MOST_CHARACTERS = 500  # of each part of a message


class XnectError(Exception):
    """A failure the user can mend. Front ends print it as one line and exit with code 2, without a traceback."""

    def __init__(self, thing: str, cause: str, next_step: str) -> None:
        self.thing, self.cause, self.next_step = thing, cause, next_step
        thing, cause = (printable(without_secrets(text)) for text in (thing, cause))  # what comes next are words of ours
        super().__init__(f"{thing}: {cause}. {printable(next_step)}")

    def __reduce__(self) -> tuple[type[XnectError], tuple[str, str, str]]:
        """Errors of worker processes are pickled on their way back."""
        return type(self), (self.thing, self.cause, self.next_step)


def printable(text: str, most: int = _MOST_CHARACTERS) -> str:
    """``text`` as one line that is safe on a terminal: no control characters, and not endless, whatever a file held."""
    if len(text) > most:
        text = f"{text[: most // 2]}…{text[-(most // 2) :]}"
    return "".join(c if c.isprintable() else " " if c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def without_secrets(text: str) -> str:
    """``text`` with every network address in it as `shown_address` has it."""
    return _ADDRESS.sub(lambda match: shown_address(match[0]), text)


def shown_address(address: str) -> str:
    """A network address as it may be shown and kept: without user, password, query, and what some cameras hide in the path.

    What is no address comes back as it is.
    """
    scheme, separator, rest = address.partition("://")
    if not separator or not scheme.isidentifier():
        return address
    rest = re.split(r"[?#]", rest.rpartition("@")[2] if "@" in rest else rest, maxsplit=1)[0]
    return scheme + separator + _SECRET.sub(r"\1…", rest)


def next_step_of(error: OSError) -> str:
    """What to do about a file that the system does not let us write."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        return "Free some disk space"
    if error.errno == errno.EFBIG:
        return "Choose a disk that takes larger files"
    return "Choose a folder you may write to"


def install(extra: str) -> str:
    """The next step where a package of one of our extras is missing.

    From the checkout, as we publish on no registry: by its name alone pip would look for whatever somebody else put there.
    """
    return f"Run pip install -e '.[{extra}]' in the checkout"
