"""What import-linter cannot say; its contracts are in pyproject.toml and run with ``make lint``."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "resq").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")])
WITHOUT_TORCH = [
    "resq.core",
    "resq.memory.faults",
    "resq.memory.quant",
    "resq.measure.specs.campaign",
    "resq.measure.specs.sweep_spec",
    "resq.measure.store.rows_by_key",
    "resq.measure.analysis.areas",
    "resq.measure.analysis.layer_heatmap",
    "resq.measure.analysis.stopping_rule",
    "resq.measure.analysis.tradeoff",
    "resq.claims.rerun",
    "resq.claims.verdict",
]
SEEDING = (
    "np.random.seed",
    "numpy.random.seed",
    "random.seed",
    "torch.manual_seed",
    "torch.cuda.manual_seed",
)
MOST_FILES = 15  # beside its subfolders, so that a folder is read at a glance


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def _dotted(node: ast.AST) -> str:
    """``np.random.seed`` for the expression that says so, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def test_words_flips_and_rows_load_no_torch():
    code = f"import sys, {', '.join(WITHOUT_TORCH)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=280).returncode == 0


def _caches(file: Path) -> bool:
    """Whether a file uses Streamlit's caches."""
    return any(
        _dotted(node).startswith(("st.cache", "streamlit.cache"))
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.Attribute)
    )


def test_only_the_room_cached_uses_the_caches_of_streamlit():
    users = {file.parent.relative_to(ROOT).as_posix() for file in SOURCES if _caches(file)}
    assert users == {"dashboard/cached"}


def _seeds(file: Path) -> Iterator[str]:
    """Where a file seeds a global generator outside a fork of it."""
    tree = _tree(file)
    forked = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        and any("fork_rng" in ast.unparse(item.context_expr) for item in node.items)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if _dotted(node) in SEEDING and node not in forked:
            yield f"{_name(file)}:{getattr(node, 'lineno', 0)}"


def test_nobody_seeds_a_global_generator_except_inside_a_fork_of_it():
    assert [place for file in SOURCES for place in _seeds(file)] == []


def test_the_only_forks_are_those_that_start_a_network_and_call_a_package_that_seeds():
    forks = [_name(file) for file in SOURCES if "fork_rng" in file.read_text(encoding="utf-8")]
    assert forks == ["resq/attacks/autoattack.py", "resq/networks/__init__.py"]


def test_no_folder_is_longer_than_a_glance():
    folders = {
        f.parent
        for top in ("resq", "dashboard", "tests", "stress", "benchmarks")
        for f in (ROOT / top).rglob("*.py")
    }
    long = {_name(f): n for f in folders if (n := len(list(f.glob("*.py")))) > MOST_FILES}
    assert set(long) <= {"resq/cli"}  # one file a command


def test_every_room_says_what_it_holds():
    rooms = [file for file in SOURCES if file.name == "__init__.py"]
    assert [_name(file) for file in rooms if not ast.get_docstring(_tree(file))] == []
    folders = {f.parent for f in SOURCES} - {ROOT / "dashboard" / "views"}  # scripts that Streamlit runs
    assert [_name(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
