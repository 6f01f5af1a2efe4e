"""The sources whose hash is a row's ``code``: all that measuring imports, but for what is named."""

import ast
from pathlib import Path

from resq.deployed.runtimes import ENGINES
from resq.measure.run import machine, source_hash, sweep

ROOT = Path(sweep.__file__).resolve().parents[2]


def _file(module: str) -> Path | None:
    path = ROOT.parent.joinpath(*module.split("."))
    found = [p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()]
    return found[0] if found else None


def _imported(file: Path) -> set[Path]:
    names = set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    checking = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    unseen = {inner for node in checking for inner in ast.walk(node)}  # never imported when it runs
    for node in set(ast.walk(tree)) - unseen:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = [name for name in names if name.split(".")[0] == "resq"]
    # Importing a.b.c runs a and a.b too.
    whole = {".".join(name.split(".")[:k]) for name in ours for k in range(1, name.count(".") + 2)}
    return {found for name in whole if (found := _file(name))}


def closure(file: Path) -> set[str]:
    seen, waiting = set(), [file]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += _imported(here)
    return {path.relative_to(ROOT).as_posix() for path in seen}


def test_the_sources_are_the_import_closure_of_measuring_but_for_those_named():
    hashed = {file.relative_to(ROOT).as_posix() for file in source_hash.sources()}
    # Begun by name, in a process of its own; it imports the runtimes by name.
    apart = [ROOT / "deployed" / "worker.py", *(_file(module) for module, _ in ENGINES.values())]
    begun = set().union(*map(closure, apart))
    assert hashed == (closure(ROOT / "measure" / "run" / "sweep.py") | begun) - set(source_hash.IDLE)


def test_what_is_named_as_without_a_say_exists():
    assert [name for name in source_hash.IDLE if not (ROOT / name).is_file()] == []


def test_the_closure_sees_what_is_imported_two_files_away():
    assert {
        "checkpoints/packed.py",
        "core/encoding.py",
        "platform/torchvision_compat.py",
        "measure/specs/sweep_spec.py",
    } <= closure(ROOT / "measure" / "run" / "sweep.py")


def test_a_row_says_what_computed_it():
    row = next(iter(sweep.run(sweep.SweepSpec("signs/resnet20/base", bers=(0.0,), n=2))))
    assert row["software"] == machine.software()
    assert all(f"{name} " in row["software"] for name in ("torch", "torchvision", "numpy"))
    assert row["processor"]
