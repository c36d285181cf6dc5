"""Errors that a user can act on: they name the thing, the cause and the next step."""

from __future__ import annotations


class XnectError(Exception):
    """A failure the user can mend. Front ends print it as one line and exit with code 2, without a traceback."""

    def __init__(self, thing: str, cause: str, next_step: str) -> None:
        self.thing, self.cause, self.next_step = thing, cause, next_step
        super().__init__(f"{thing}: {cause}. {next_step}")

    def __reduce__(self) -> tuple[type[XnectError], tuple[str, str, str]]:
        """Errors of worker processes are pickled on their way back."""
        return type(self), (self.thing, self.cause, self.next_step)


def install(extra: str) -> str:
    """The next step where a package of one of our extras is missing.

    From the checkout, as we publish on no registry: by its name alone pip would look for whatever somebody else put there.
    """
    return f"Run pip install -e '.[{extra}]' in the checkout"
