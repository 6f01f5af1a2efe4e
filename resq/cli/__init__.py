"""The command line. Add a command: a module with ``add`` and ``run``, and a line in COMMANDS."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from resq import __version__
from resq.cli import aliases
from resq.core.errors import ResqError

# Command -> the module in this folder that has its options and runs it; loaded when it is asked for.
COMMANDS: dict[str, str] = {
    "show": "show",
    "data": "data",
    "train": "train",
    "evaluate": "evaluate",
    "inspect": "inspect",
    "twin": "twin",
    "sweep": "sweep",
    "ber": "ber",
    "sensitivity": "sensitivity",
    "singles": "singles",
    "claims": "replay",
    "protect": "protect",
    "overhead": "overhead",
    "guards": "guards",
    "bfa": "bfa",
    "flip": "flip",
    "confusion": "flow",
    "embed": "embed",
    "verify": "verify",
    "card": "card",
    "report": "report",
    "campaign": "campaign",
    "store": "stored",
    "harden": "harden",
    "asymmetry": "asymmetry",
    "dashboard": "dashboard",
    "import": "import_weights",  # the module cannot be called so: import is a keyword
}


def module(command: str) -> ModuleType:
    """The module of a command, with ``add`` and ``run``."""
    return importlib.import_module(f"{__name__}.{COMMANDS[command]}")


def about(command: str) -> str:
    """What a command does in one line, the first of its module, which is read and not run.

    >>> about("verify")
    'Checks every shipped checkpoint, result, claim and spec against its committed hash; names what differs.'
    """
    file = Path(__file__).with_name(f"{COMMANDS[command]}.py")
    with file.open(encoding="utf-8") as text:
        return text.readline().strip().strip('"')


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """The sentence on standard error, exit code 2."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser(command: str = "") -> argparse.ArgumentParser:
    """All commands, with the options of one of them, or of all."""
    top = Parser(
        prog="python -m resq",
        description="Quantized networks under bit flips and adversarial examples.",
    )
    top.add_argument("--version", action="version", version=f"resq {__version__}")
    _add_anywhere(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name in COMMANDS:
        description = about(name)
        own = commands.add_parser(name, help=description, description=description)
        if command and name != command:
            continue
        module(name).add(own)
        own.add_argument("--json", action="store_true", help="for machines: one JSON object")
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
    command_line = aliases.renewed(rest)
    named = next((word for word in command_line if not word.startswith("-")), "")
    if command_line[:1] == ["dashboard"] and not {"-h", "--help"} & set(command_line):
        return _serve(command_line[1:])
    arguments = parser(named if named in COMMANDS else NONE).parse_args(command_line)
    from resq import plugins
    from resq.cli import options, unable, unread

    try:
        plugins.load(own.plugin)
        unable.refuse(arguments)
        unread.refuse(arguments)
        options.bring_images(arguments)
        arguments.opened, arguments.words = options.opened(arguments), command_line
        module(arguments.command).run(arguments)
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
        return _fault(error, arguments.command, own.debug or _debugging())
    return 0


def _serve(arguments: list[str]) -> int:
    from resq.cli import dashboard

    try:
        return dashboard.serve(arguments)
    except ResqError as error:
        print(f"resq: {error}", file=sys.stderr)
        return 2


def console() -> int:
    """The command ``resq``."""
    from resq.platform import malloc

    malloc.retain_freed()
    return main()


NONE = "-"  # no command: none of them is loaded to say so
FAULT = 70  # EX_SOFTWARE of sysexits.h


def _debugging() -> bool:
    from resq.core import logs

    return logs.debugging()


def _fault(error: Exception, command: str, debug: bool) -> int:
    """Logs an error that nobody expected and says so; with ``debug`` also where it arose."""
    from resq.core import logs

    key = logs.fault(error, f"python -m resq {command}")
    if debug:
        traceback.print_exception(error)
    more = "" if debug else "; --debug shows where it arose"
    print(f"resq: this is a fault of the lab, it was logged as {key} in {logs.file()}{more}", file=sys.stderr)
    return FAULT
