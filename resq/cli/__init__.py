"""The command line. Add a command: a module with ``add`` and ``run``, and a line in COMMANDS."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType
from typing import NoReturn

from resq import __version__, plugins
from resq.cli import (
    asymmetry,
    bfa,
    bring,
    campaign,
    card,
    data,
    evaluate,
    flip,
    flow,
    guards,
    harden,
    inspect,
    options,
    replay,
    report,
    sensitivity,
    show,
    stored,
    surface,
    sweep,
    train,
    twin,
    verify,
    zoo,
)

COMMANDS: dict[str, ModuleType] = {
    "show": show,
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "inspect": inspect,
    "twin": twin,
    "sweep": sweep,
    "sensitivity": sensitivity,
    "replay": replay,
    "surface": surface,
    "guards": guards,
    "bfa": bfa,
    "flip": flip,
    "flow": flow,
    "verify": verify,
    "card": card,
    "report": report,
    "campaign": campaign,
    "store": stored,
    "zoo": zoo,
    "harden": harden,
    "asymmetry": asymmetry,
    "import": bring,  # the module cannot be called so: import is a keyword
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
    _add_plugin(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip().splitlines()[0]
        command = commands.add_parser(name, help=about, description=about)
        module.add(command)
        command.add_argument("--json", action="store_true", help="for machines: one JSON object")
    return top


def _add_plugin(to: Parser) -> None:
    about = "a Python file of your own that adds networks or data sets; may be repeated"
    to.add_argument("--plugin", action="append", default=[], metavar="FILE.py", help=about)


def main(argv: list[str] | None = None) -> int:
    """Runs a command; 0 when it worked, 2 with one sentence when what came cannot be used."""
    before = Parser(prog="python -m resq", add_help=False, allow_abbrev=False)
    _add_plugin(before)  # wherever it stands, before or after the command
    own, rest = before.parse_known_args(argv)
    arguments = parser().parse_args(rest)
    try:
        plugins.load(own.plugin)
        arguments.opened = options.opened(arguments)
        COMMANDS[arguments.command].run(arguments)
    except (ValueError, FileNotFoundError) as error:
        print(f"resq: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("resq: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141  # the reader of our output has gone
    except OSError as error:
        print(f"resq: this machine refused a file: {error}", file=sys.stderr)
        return 2
    return 0
