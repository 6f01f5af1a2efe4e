"""The command line. Add a command: a module with ``add`` and ``run``, and a line in COMMANDS."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType
from typing import NoReturn

from resq import __version__
from resq.cli import data, evaluate, show, sweep, train, zoo

COMMANDS: dict[str, ModuleType] = {
    "show": show,
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "sweep": sweep,
    "zoo": zoo,
}


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """The sentence on standard error, exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = Parser(
        prog="python -m resq",
        description="Quantized networks under bit flips and adversarial examples.",
    )
    top.add_argument("--version", action="version", version=f"resq {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip().splitlines()[0]
        command = commands.add_parser(name, help=about, description=about)
        module.add(command)
        command.add_argument("--json", action="store_true", help="for machines: one JSON object")
    return top


def main(argv: list[str] | None = None) -> int:
    """Runs a command; 0 when it worked, 2 with one sentence when what came cannot be used."""
    arguments = parser().parse_args(argv)
    try:
        COMMANDS[arguments.command].run(arguments)
    except (ValueError, FileNotFoundError) as error:
        print(f"resq: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("resq: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141  # the reader of our output has gone
    return 0
