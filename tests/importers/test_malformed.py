"""A hundred files that are no checkpoints: each a sentence, at once, in little memory, nothing executed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file

from resq import networks
from tests.malformed import everything

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MEGABYTES = 2, 500

# A process of its own: memory is capped there, and an audit hook sees whatever a file makes Python do.
CODE = """
import encodings.cp437, json, resource, sys, time  # cp437 is how zips name their parts
from pathlib import Path
from resq.importers import import_weights

folder, cap = Path(sys.argv[1]), int(sys.argv[2]) * 2**20
for good in ("good.safetensors", "good.pt", "warm.onnx"):  # imports what a first call imports
    try: import_weights(folder / good, "resnet20", 10)
    except ValueError: pass
did = []
watched = ("exec", "compile", "import", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen",
           "socket.connect", "pickle.find_class", "shutil.rmtree", "os.remove")
sys.addaudithook(lambda event, given: did.append(f"{event} {str(given)[:80]}") if event in watched else None)
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + cap, resource.RLIM_INFINITY))
for file in sorted((folder / "bad").iterdir()):
    did.clear()
    began, said = time.process_time(), ""
    try: import_weights(file, "resnet20", 10)
    except ValueError as error: said = str(error)
    seconds = time.process_time() - began
    print(json.dumps({"file": file.name, "seconds": seconds, "said": said, "did": list(did)}), flush=True)
"""


def _run(code: str, folder: Path) -> subprocess.CompletedProcess:
    given = [sys.executable, "-c", code, str(folder), str(MEGABYTES)]
    return subprocess.run(given, cwd=ROOT, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> list[dict]:
    """What became of each file: seconds of CPU, the sentence, what Python was made to do."""
    folder = tmp_path_factory.mktemp("malformed")
    body = networks.build("resnet20", 10, mean=(0.5,) * 3, std=(0.25,) * 3).body
    state = {name: value.clone() for name, value in body.state_dict().items()}
    save_file(state, folder / "good.safetensors")
    (folder / "good.pt").write_bytes(b"PK")
    (folder / "warm.onnx").write_bytes(b"text")
    (folder / "bad").mkdir()
    for name, raw in everything(state, folder / "marker").items():
        (folder / "bad" / name.replace("/", "-")).write_bytes(raw)
    done = _run(CODE, folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (folder / "marker").exists()
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(list((folder / "bad").iterdir()))
    return found


def test_there_are_a_hundred_of_them_and_more(outcome):
    assert len(outcome) >= 100


def test_each_is_refused_with_one_sentence_that_names_the_file(outcome):
    for file in outcome:
        assert file["said"], f"{file['file']} was taken"
        assert file["file"] in file["said"]
        assert "\n" not in file["said"]
        assert len(file["said"]) < 400


def test_each_takes_less_than_two_seconds_under_a_cap_of_500_megabytes(outcome):
    slow = {file["file"]: file["seconds"] for file in outcome if file["seconds"] >= SECONDS}
    assert not slow  # and memory was capped: one that asks for more ends in an error, not in a sentence


def test_nothing_in_any_of_them_is_executed_imported_or_looked_up(outcome):
    assert not {file["file"]: file["did"] for file in outcome if file["did"]}


def test_the_hook_and_the_cap_do_see_what_they_are_there_for(tmp_path):
    folder = tmp_path / "x"
    (folder / "bad").mkdir(parents=True)
    (folder / "bad" / "a.pt").write_bytes(b"text")
    careless = (
        "import pickle\ndef import_weights(file, *_):\n"
        "    if file.name == 'a.pt':\n        exec('1')\n        bytearray(2**30)\n"
    )
    code = CODE.replace("from resq.importers import import_weights", careless)
    assert "MemoryError" in _run(code, folder).stderr
    did = json.loads(_run(code.replace("bytearray(2**30)", "pass"), folder).stdout)["did"]
    assert any(event.startswith("exec") for event in did)
