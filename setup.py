"""What pyproject.toml cannot say of the wheel: the pages' own name in it, and the shipped files inside.

In the project the pages are the package ``dashboard``; among installed packages that name could be anybody's,
so there they are ``resq_dashboard``, and what imports them says so. Shipped files go into ``resq/assets``:
all rows, cards, claims and specs, and the weights of the embedded default; those of the other networks are
fetched when they are asked for (``resq.checkpoints.fetch``).
"""

import json
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
NAME, OWN = "dashboard", "resq_dashboard"
# Where the name of the package stands: imports, the names of modules in quotes, python -m.
NAMED = re.compile(rf"(?m)(^\s*(?:from|import) |-m |(?<=\")){NAME}(?=[. ][a-z]|\.$|\"\s*$|`)")
ROOMS = ("results", "claims", "specs", "cards")
DEFAULT = "signs/resnet20/base"


def renamed(source: str) -> str:
    """A module's text with the package of the pages under its name among installed ones."""
    return NAMED.sub(lambda found: found[1] + OWN, source)


class Build(build_py):
    """Copies, renames and adds."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return  # a clone is used as it lies
        built = Path(self.build_lib)
        for file in built.rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if (new := renamed(text)) != text:
                file.write_text(new, encoding="utf-8")
        self._assets(built / "resq" / "assets")

    def _assets(self, to: Path) -> None:
        shutil.rmtree(to, ignore_errors=True)
        for room in ROOMS:
            shutil.copytree(HERE / "assets" / room, to / room)
        weights = HERE / "assets" / "weights"
        wanted = [*weights.glob("*/*/*.json"), weights / f"{DEFAULT}.safetensors"]
        for file in wanted:
            there = to / "weights" / file.relative_to(weights)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, there)
        self._manifest(to)

    def _manifest(self, to: Path) -> None:
        """The hashes of what lies there, from those of the project, for resq verify."""
        whole = json.loads((HERE / "assets" / "MANIFEST.json").read_text(encoding="utf-8"))
        there = {name: digest for name, digest in whole["files"].items() if (to / name).is_file()}
        text = json.dumps({**whole, "files": there}, indent=1)
        (to / "MANIFEST.json").write_text(text + "\n", encoding="utf-8")


pages = [name.replace(NAME, OWN, 1) for name in find_packages(include=[NAME, f"{NAME}.*"])]
setup(
    packages=[*find_packages(include=["resq", "resq.*"]), *pages],
    package_dir={OWN: NAME},
    package_data={
        "resq": ["py.typed"],
        "resq.protect": ["decoder.c"],
        OWN: [
            ".streamlit/*.toml",
            "*.css",
            "*.svg",
            "report/*.j2",
            "text/*.md",
            "text/*.toml",
            "text/lessons/*.toml",
            "text/lessons/*/*.toml",
        ],
    },
    cmdclass={"build_py": Build},
)
