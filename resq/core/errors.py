"""Errors that are expected: what came cannot be used, and a sentence says what to do. Others are faults."""

from __future__ import annotations


class ResqError(ValueError):
    """What came cannot be used: a name, a value, a file. Its message is one sentence for people.

    Edges (the command line, a page, a job) show the sentence as it is. A ``ValueError`` of another class is a
    fault of this project: it is logged with where it arose, see ``resq.core.logs``.
    """


class NotFoundError(ResqError, FileNotFoundError):
    """A file, images or weights that are not on this machine."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class LackingError(ResqError, ImportError):
    """A package that is not installed, where what was asked for needs it."""
