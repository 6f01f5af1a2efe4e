"""Atomic writes: the old file or the new one, never a half."""

import threading

import pytest

from resq.core import files


def test_a_write_makes_the_folder_and_leaves_nothing_beside_the_file(tmp_path):
    file = tmp_path / "deep" / "rows.json"
    files.write_text(file, "ä")
    assert file.read_bytes() == "ä".encode()
    assert list(file.parent.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path):
    file = tmp_path / "rows.json"
    file.write_text("old")

    def half(part):
        part.write_text("ha")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        files.write_with(file, half)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_files_that_belong_together_are_all_new_or_all_old(tmp_path):
    weights, card = tmp_path / "net.safetensors", tmp_path / "missing" / "net.json"
    weights.write_bytes(b"old")
    with pytest.raises(OSError, match="missing"):
        files.write_together({weights: b"new", card: b"{}"})
    assert weights.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [weights]
    card.parent.mkdir()
    files.write_together({weights: b"new", card: b"{}"})
    assert (weights.read_bytes(), card.read_bytes()) == (b"new", b"{}")


def test_two_that_write_one_file_at_once_never_write_into_each_other(tmp_path):
    file = tmp_path / "rows.json"

    def slow(part):
        part.write_text("first, ")
        writer = threading.Thread(target=files.write_text, args=(file, "second"))
        writer.start()
        writer.join()
        part.write_text(part.read_text() + "whole")

    files.write_with(file, slow)
    assert file.read_text() == "first, whole"
    assert list(tmp_path.iterdir()) == [file]
