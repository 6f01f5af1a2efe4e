"""What is not the project's own is known by its source: a corrected plugin is measured anew."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import resq
from resq import checkpoints, data, plugins
from resq.cli import main
from resq.core import guards as facts
from resq.core import registries
from resq.measure.analysis import embedding, stats
from resq.measure.run import source_hash, sweep
from resq.measure.run.embedding.spec import EmbeddingSpec
from resq.measure.specs import cells, plugged
from resq.measure.specs.cells import Cell
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import rows_by_key, table
from resq.memory import faults
from resq.memory.guards import READERS
from resq.plugins import sources
from resq.training import harden, presets

FIELDS = ("checkpoint", "data", "encoding", "fault", "ber", "map", "attack", "eps", "steps", "restarts",
          "mode", "sample", "seed", "n", "precision", "targets", "inputs", "top")  # fmt: skip
FAULT = (
    "from resq.memory import faults\n"
    "def mine(where, rate, *, rng):\n"
    "    return faults.FAULTS['random'](where, rate / 1, rng=rng)\n"
    "faults.FAULTS['mine'] = mine\n"
)
DATA = (
    "from dataclasses import replace\n"
    "from resq.data import DATASETS\n"
    "DATASETS['mysigns'] = replace(DATASETS['signs'], mean=(1.5, 0.1, 0.9))\n"
)
NETWORK = (
    "from resq.networks import NETWORKS\n"
    "def mynet(classes):\n"
    "    net = NETWORKS['resnet20'](classes)\n"
    "    plain = net.forward\n"
    "    net.forward = lambda x: plain(x.flip(1))\n"
    "    return net\n"
    "NETWORKS['mynet'] = mynet\n"
)


@pytest.fixture(autouse=True)
def _registries_as_before(monkeypatch, own_folders):
    """What a test adds is gone after it."""
    monkeypatch.setenv(plugins.ENV, "")
    monkeypatch.setattr(plugins, "_loaded", set())
    before = {kind: dict(members) for kind, (members, _) in registries._REGISTRIES.items()}
    yield
    for kind, (members, _) in registries._REGISTRIES.items():
        members.clear()
        members.update(before.get(kind, registries._REGISTRIES[kind][1]))


def _plugin(folder: Path, text: str, monkeypatch) -> Path:
    """A plugin with this text, read as a new process would read it."""
    file = folder / "mine.py"
    file.write_text(text)
    monkeypatch.setattr(plugins, "_loaded", set())
    plugins.load([str(file)])
    return file


def _theirs(name: str) -> str:
    """The weights of signs/resnet20/base as a checkpoint of another data set or network."""
    base = checkpoints.load("signs/resnet20/base")
    checkpoints.save(name, dict(base.state), base.weights, {})
    return name


def _campaign(folder: Path, plugin: Path, text: str, monkeypatch):
    """The rows of the store after a campaign."""
    (folder / "list.toml").write_text(text)
    monkeypatch.setattr(plugins, "_loaded", set())
    assert main(["--plugin", str(plugin), "campaign", str(folder / "list.toml"), "--json"]) == 0
    return rows_by_key.rows()


@pytest.mark.parametrize(
    ("text", "wrong", "right", "checkpoint", "listed"),
    [
        (FAULT, "rate / 1,", "rate / 100,", "signs/resnet20/base", 'faults = ["mine"]\nbers = [1e-2]\n'),
        (DATA, "1.5, 0.1, 0.9", "0.5, 0.5, 0.5", "mysigns/resnet20/theirs", "bers = [0.0]\n"),
        (NETWORK, "plain(x.flip(1))", "plain(x)", "signs/mynet/theirs", "bers = [0.0]\n"),
    ],
)
def test_a_corrected_plugin_is_measured_anew_and_an_unchanged_one_is_not(
    own_folders, monkeypatch, text, wrong, right, checkpoint, listed
):
    file = _plugin(own_folders, text, monkeypatch)
    if checkpoint.endswith("theirs"):
        _theirs(checkpoint)
    toml = f'checkpoints = ["{checkpoint}"]\nn = 200\nmaps = 1\n{listed}'
    before = _campaign(own_folders, file, toml, monkeypatch)
    again = _campaign(own_folders, file, toml, monkeypatch)
    assert len(again) == len(before) == 1  # nothing is measured twice
    file.write_text(text.replace(wrong, right))
    after = _campaign(own_folders, file, toml, monkeypatch)
    assert len(after) == 2
    old, new = before.iloc[0], after[after["key"] != before["key"].iloc[0]].iloc[0]
    assert new["correct"] > old["correct"]
    assert len({old["code"], new["code"], source_hash.code_hash()}) == 3
    assert len({old["plugged"], new["plugged"], ""}) == 3
    lines = stats.curve(after)  # the two are no two maps of one point
    assert sorted(lines["mean"]) == [old["correct"] / 200, new["correct"] / 200]
    assert len(stats.longest_series(lines)) == 2
    assert len(table.drop_repeated(after)) == 2


def test_cells_asked_for_as_missing_are_those_of_the_plugin_as_it_is(own_folders, capsys, monkeypatch):
    command = ["sweep", "signs/resnet20/base", "--fault", "mine", "--ber", "1e-2", "--n", "50", "--maps", "1"]
    file = _plugin(own_folders, FAULT, monkeypatch)
    toml = 'checkpoints = ["signs/resnet20/base"]\nn = 50\nmaps = 1\nfaults = ["mine"]\nbers = [1e-2]\n'
    _campaign(own_folders, file, toml, monkeypatch)
    flips = []
    for text in (FAULT, FAULT.replace("rate / 1,", "rate / 100,")):
        _plugin(own_folders, text, monkeypatch)
        capsys.readouterr()
        assert main([*command, "--missing", "--json"]) == 0
        flips.append(json.loads(capsys.readouterr().out)["rows"][0]["flips"])
    assert flips[0] > 50 * flips[1]


def _keys_of(rows) -> list[str]:
    """The keys of rows, made anew of what the rows say."""
    cells_ = [Cell(**{name: row[name] for name in FIELDS}) for row in rows]
    return [cells.key(c, row["weights"], row["images"]) for c, row in zip(cells_, rows, strict=True)]


def test_shipped_rows_keep_their_keys_and_their_code_whatever_is_plugged_in(own_folders, monkeypatch):
    shipped = table.shipped()
    whole = shipped[(shipped["region"] == "all") & (shipped["axis"] != "ber")].to_dict("records")
    whole += shipped[(shipped["axis"] == "ber") & shipped["fault"].isin(["count", "random"])].to_dict(
        "records"
    )
    own = [row["key"] == key for row, key in zip(whole, _keys_of(whole), strict=True)]
    assert sum(own) > 10_000  # the others are of chosen layers, or have no key
    few = [row for row, same in zip(whole, own, strict=True) if same][::500]
    before = source_hash.code_of([Cell("signs/resnet20/base", "signs", "int8")])
    _plugin(own_folders, FAULT + DATA + NETWORK, monkeypatch)
    assert _keys_of(few) == [row["key"] for row in few]
    assert source_hash.code_of([Cell("signs/resnet20/base", "signs", "int8")]) == before
    assert before == source_hash.code_hash()
    assert set(shipped["plugged"]) == {""}


def test_a_member_without_a_file_is_known_by_its_code_and_what_it_reads():
    def made(share):
        def mine(where, rate, *, rng):
            return faults.random(where, rate * share, rng=rng)

        return mine

    cell, keys = Cell("signs/resnet20/base", "signs", "int8", "mine", ber=1e-2, top=1e-2), []
    for share in (1.0, 0.01, 1.0):
        faults.FAULTS["mine"] = made(share)
        keys.append(cells.key(cell, "w", "i"))
    assert keys[0] == keys[2] != keys[1]
    del faults.FAULTS["mine"]
    assert cells.key(cell, "w", "i") not in keys


def test_one_process_measures_with_a_member_as_it_is_now():
    spec = SweepSpec("signs/resnet20/base", bers=(1e-2,), maps=1, n=20)
    (cell,), measurer, flips = spec.cells(), sweep.Measurer(), []
    for share in (1, 100):
        faults.FAULTS["mine"] = lambda where, rate, *, rng, share=share: faults.random(
            where, rate / share, rng=rng
        )
        flips.append(measurer.row(replace(cell, fault="mine"))["flips"])
    assert flips[0] > 50 * flips[1]


def test_the_mean_of_a_data_set_and_its_images_that_show_ranges_are_part_of_a_cell(monkeypatch):
    _theirs("mine/resnet20/theirs")
    signs, usual = data.DATASETS["signs"], data.load("signs", "train").first(600)
    shown = {"train": usual}

    def load(split, download=False):
        return shown[split]

    parts = []
    for mean, images in ((0.5, usual), (0.25, usual), (0.25, replace(usual, pixels=usual.pixels[::-1]))):
        data.DATASETS["mine"] = replace(signs, load=load, mean=(mean,) * 3)
        shown["train"] = images
        plugged._training_images.cache_clear()
        named = ("mine/resnet20/theirs", "signs", "int8+ranger", "none", "none")
        parts.append(plugged.parts(named))
        assert "calibrated on" not in plugged.parts((*named[:2], "int8", *named[3:]))
        assert parts[-1]["normal"] == [[mean] * 3, [0.25] * 3]
    assert parts[1]["calibrated on"] != parts[2]["calibrated on"]
    assert plugged.parts(("mine/resnet20/theirs", "signs", "int8", "activations", "none"))["calibrated on"]
    monkeypatch.setitem(data.DATASETS, "signs", signs)
    assert plugged.parts(("signs/resnet20/base", "mine-held-out", "int8", "none", "none")).keys() == {"data"}


def test_a_guard_and_an_attack_of_ones_own_are_part_of_the_cells_that_name_them():
    class Doubled(type(READERS["mset"])):
        """Reads as another guard does."""

    READERS["doubled"], facts.GUARDS["doubled"] = Doubled(), facts.GUARDS["mset"]
    resq.ATTACKS["brighter"] = lambda f, x, y, eps, *, rng=None: (x + eps).clamp(0, 1)
    base = ("signs/resnet20/base", "signs")
    assert plugged.parts((*base, "int8", "random", "pgd")) == {}
    assert plugged.parts((*base, "bf16-doubled", "random", "none")).keys() == {
        "guard doubled", "facts of doubled",
    }  # fmt: skip
    assert plugged.parts((*base, "int8", "none", "brighter")).keys() == {"attack"}
    assert plugged.parts(("net.tflite", "signs", "as stored", "none", "twin-brighter")).keys() == {"attack"}


def test_a_module_that_a_plugin_imports_and_a_plugin_that_it_names_are_part_of_it(own_folders, monkeypatch):
    monkeypatch.syspath_prepend(str(own_folders))
    helper = own_folders / "helper_of_mine.py"
    helper.write_text("SHARE = 1\n")
    importing = FAULT.replace("    return", "    import helper_of_mine\n    return")
    first = own_folders / "first.py"
    first.write_text(importing)
    second = own_folders / "second.py"
    second.write_text(
        "from resq.memory import faults\n"
        "faults.FAULTS['other'] = lambda where, rate, *, rng: faults.FAULTS['mine'](where, rate, rng=rng)\n"
    )
    digests = []
    for text in ("SHARE = 1\n", "SHARE = 2\n"):
        helper.write_text(text)
        monkeypatch.setattr(plugins, "_loaded", set())
        plugins.load([str(first), str(second)])
        digests.append({name: sources.digest("fault model", name) for name in ("mine", "other")})
        assert set(sources._SOURCES[first].hashes) == {first, helper}
    assert digests[0]["mine"] != digests[1]["mine"]
    assert digests[0]["other"] != digests[1]["other"]


def test_what_is_kept_by_names_is_kept_apart_for_each_source(own_folders, monkeypatch):
    spec, plan = (
        lambda: EmbeddingSpec("mysigns/resnet20/theirs", bers=(1e-3,), eps=(), n=20),
        presets.Plan("mysigns/resnet20/theirs", "mysigns/resnet20/hard", (("clean", {}),)),
    )
    kept = []
    for text in (DATA, DATA.replace("1.5, 0.1, 0.9", "0.5, 0.5, 0.5")):
        _plugin(own_folders, text, monkeypatch)
        base = checkpoints.load(_theirs("mysigns/resnet20/theirs"))
        kept.append((
            embedding.kept_file(spec(), base.hash), harden._folder(plan, base),
            source_hash.code_of_training("resnet20", "mysigns"),
        ))  # fmt: skip
    assert [one for one, other in zip(*kept, strict=True) if one == other] == []
    own = EmbeddingSpec("signs/resnet20/base", bers=(1e-3,), eps=(), n=20)
    assert embedding.kept_file(own, "w").name == f"{own.hash}-w{embedding.ENDING}"


def test_an_attack_that_was_stopped_goes_on_only_with_the_same_source(own_folders, monkeypatch):
    answers, texts = sweep.Measurer._answers, []
    monkeypatch.setattr(
        sweep.Measurer, "_answers", lambda self, *about: texts.append(about[-1]) or answers(self, *about)
    )
    for text in (NETWORK, NETWORK.replace("plain(x.flip(1))", "plain(x)")):
        _plugin(own_folders, text, monkeypatch)
        sweep.Measurer().row(Cell(_theirs("signs/mynet/theirs"), "signs", "int8", n=8))
    assert len(set(texts)) == 2


def test_where_a_plugin_lies_decides_nothing(own_folders, monkeypatch):
    _plugin(own_folders, DATA + NETWORK, monkeypatch)
    assert set(sources.digests()) == {("data set", "mysigns"), ("network", "mynet")}
    assert sources.digest("data set", "signs") == sources.digest("network", "nowhere") == ""
    one = sources.digest("network", "mynet")
    elsewhere = own_folders / "else"
    elsewhere.mkdir()
    _plugin(elsewhere, DATA + NETWORK, monkeypatch)
    assert sources.digest("network", "mynet") == one
