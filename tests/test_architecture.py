"""The arrows of ARCHITECTURE.md, read from the imports: left never imports right."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BACKEND = sorted((ROOT / "resq").rglob("*.py"))
FACE = sorted((ROOT / "dashboard").rglob("*.py"))

# The rooms from left to right; those of one row may know each other.
ROOMS = [
    {"commands", "core", "encoding", "fields", "heap", "seeds", "vision"},
    {"memory"},
    {"data", "networks", "threat", "plugins"},
    {"checkpoints", "codes"},
    {"deployed"},
    {"learn", "measure", "foreign"},
    {"claims"},
    {"jobs"},
    {"cli", "__main__"},
]
WITHOUT_TORCH = [
    "resq.core", "resq.encoding", "resq.seeds", "resq.memory.bits", "resq.memory.quant", "resq.memory.faults",
    "resq.claims.verdict", "resq.claims.rerun",
    "resq.measure.areas", "resq.measure.noise", "resq.measure.rates", "resq.measure.plan",
]  # fmt: skip

DRAWS = ("theme", "lab", "heat", "film", "pick", "live", "report")  # and all that is called charts or words


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def _imports(file: Path) -> Iterator[str]:
    """Everything a file imports, wherever in it, as full dotted names (``from a import b`` is a.b)."""
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{_name(file)} imports relatively; say resq.… in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _dotted(node: ast.AST) -> str:
    """``np.random.seed`` for the expression that says so, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{_dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def _row(module: str) -> int:
    """How far to the right the room of a resq module lies."""
    room = module.split(".")[1]
    return next((row for row, rooms in enumerate(ROOMS) if room in rooms), 0)  # resq itself: its version


@pytest.mark.parametrize("file", BACKEND, ids=_name)
def test_the_backend_never_draws(file):
    roots = {name.split(".")[0] for name in _imports(file)}
    assert not roots & {"streamlit", "plotly", "dashboard", "altair", "matplotlib"}


def test_every_room_of_the_backend_has_its_place():
    found = {path.relative_to(ROOT / "resq").parts[0].removesuffix(".py") for path in BACKEND} - {"__init__"}
    assert found == set().union(*ROOMS)


@pytest.mark.parametrize(
    "file", [f for f in BACKEND if f.parent != ROOT / "resq" or f.stem != "__init__"], ids=_name
)
def test_no_room_imports_a_room_to_its_right(file):
    own = _row(_name(file))
    ahead = [name for name in _imports(file) if name.startswith("resq.") and _row(name) > own]
    assert not ahead


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_words_flips_and_seeds_need_no_torch(module):
    file = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    assert not {name for name in _imports(file) if name.split(".")[0] in ("torch", "torchvision")}


def test_importing_them_loads_no_torch_by_a_detour():
    code = f"import sys, {', '.join(WITHOUT_TORCH)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=280).returncode == 0


@pytest.mark.parametrize(
    "file",
    [f for f in FACE if f.stem in DRAWS or f.stem.endswith(("charts", "words"))],
    ids=_name,
)
def test_charts_and_theme_return_figures_and_know_no_streamlit(file):
    assert not {name for name in _imports(file) if name.split(".")[0] == "streamlit"}


@pytest.mark.parametrize("file", [f for f in FACE if f.parent != ROOT / "dashboard" / "data"], ids=_name)
def test_only_the_dashboards_data_caches(file):
    used = {_dotted(node) for node in ast.walk(_tree(file)) if isinstance(node, ast.Attribute)}
    cached = {name for name in used | set(_imports(file)) if name.startswith(("st.cache", "streamlit.cache"))}
    assert not cached


@pytest.mark.parametrize("file", [*BACKEND, *FACE], ids=_name)
def test_nobody_seeds_a_global_generator_except_inside_a_fork_of_it(file):
    tree = _tree(file)
    forked = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        and any("fork_rng" in ast.unparse(item.context_expr) for item in node.items)
        for inner in ast.walk(node)
    }
    seeding = (
        "np.random.seed",
        "numpy.random.seed",
        "random.seed",
        "torch.manual_seed",
        "torch.cuda.manual_seed",
    )
    bare = [n.lineno for n in ast.walk(tree) if _dotted(n) in seeding and n not in forked]
    assert not bare


def test_the_only_forks_are_those_that_start_a_network_and_call_a_package_that_seeds():
    forks = [_name(file) for file in BACKEND if "fork_rng" in file.read_text(encoding="utf-8")]
    assert forks == ["resq.networks.__init__", "resq.threat.auto"]
