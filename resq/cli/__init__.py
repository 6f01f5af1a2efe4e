"""The command line. Add a command: a module with ``add`` and ``run``, and a line in COMMANDS."""

from __future__ import annotations

import argparse
import sys
import traceback
from types import ModuleType
from typing import NoReturn

from resq import __version__, plugins
from resq.cli import (
    aliases,
    asymmetry,
    ber,
    bfa,
    campaign,
    card,
    data,
    evaluate,
    flip,
    flow,
    guards,
    harden,
    import_weights,
    inspect,
    options,
    protect,
    replay,
    report,
    sensitivity,
    show,
    singles,
    stored,
    sweep,
    train,
    twin,
    unable,
    verify,
)
from resq.core import logs
from resq.core.errors import ResqError

COMMANDS: dict[str, ModuleType] = {
    "show": show,
    "data": data,
    "train": train,
    "evaluate": evaluate,
    "inspect": inspect,
    "twin": twin,
    "sweep": sweep,
    "ber": ber,
    "sensitivity": sensitivity,
    "singles": singles,
    "claims": replay,
    "protect": protect,
    "guards": guards,
    "bfa": bfa,
    "flip": flip,
    "confusion": flow,
    "verify": verify,
    "card": card,
    "report": report,
    "campaign": campaign,
    "store": stored,
    "harden": harden,
    "asymmetry": asymmetry,
    "import": import_weights,  # the module cannot be called so: import is a keyword
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
    _add_anywhere(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip().splitlines()[0]
        command = commands.add_parser(name, help=about, description=about)
        module.add(command)
        command.add_argument("--json", action="store_true", help="for machines: one JSON object")
    return top


def _add_anywhere(to: Parser) -> None:
    about = "a Python file of your own that adds networks or data sets; may be repeated"
    to.add_argument("--plugin", action="append", default=[], metavar="FILE.py", help=about)
    to.add_argument(
        "--debug", action="store_true", help="show where a fault of the lab arose (or RESQ_DEBUG=1)"
    )


def main(argv: list[str] | None = None) -> int:
    """Runs a command; 0 when it worked, 2 with one sentence when what came cannot be used, 70 after a fault.

    A fault is an error that nobody expected: it is logged with where it arose, and told by its id.
    """
    before = Parser(prog="python -m resq", add_help=False, allow_abbrev=False)
    _add_anywhere(before)  # wherever they stand, before or after the command
    own, rest = before.parse_known_args(argv)
    aliases.tell(rest)
    arguments = parser().parse_args(aliases.renewed(rest))
    try:
        plugins.load(own.plugin)
        unable.refuse(arguments)
        options.bring_images(arguments)
        arguments.opened = options.opened(arguments)
        COMMANDS[arguments.command].run(arguments)
    except ResqError as error:
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
    except Exception as error:
        return _fault(error, arguments.command, own.debug or logs.debugging())
    return 0


FAULT = 70  # EX_SOFTWARE of sysexits.h


def _fault(error: Exception, command: str, debug: bool) -> int:
    """Logs an error that nobody expected and says so; with ``debug`` also where it arose."""
    key = logs.fault(error, f"python -m resq {command}")
    if debug:
        traceback.print_exception(error)
    more = "" if debug else "; --debug shows where it arose"
    print(f"resq: this is a fault of the lab, it was logged as {key} in {logs.file()}{more}", file=sys.stderr)
    return FAULT
