"""The file of answers: what is in it survives, what is half in it does not count, what is of another run is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcuq.errors import InvalidProject
from mcuq.run.results import Results, RunKey, results_path

KEY = RunKey("model", "data", 10, "board", "sim", "options")


def test_answers_come_back(tmp_path: Path) -> None:
    """What was added is there after the file was closed, in any number of pieces."""
    path = tmp_path / "results.jsonl"
    for start in (0, 3):
        with Results(path, KEY, resume=True) as results:
            assert sorted(results.done) == list(range(start))
            for sample in range(start, start + 3):
                results.add(sample, (bytes([sample]) * 5, b""))
    with Results(path, KEY, resume=True) as results:
        assert results.done == {sample: (bytes([sample]) * 5, b"") for sample in range(6)}


def test_without_resume_it_begins_anew(tmp_path: Path) -> None:
    """A run that is not asked to go on keeps nothing."""
    path = tmp_path / "results.jsonl"
    for _ in range(2):
        with Results(path, KEY, resume=False) as results:
            assert results.done == {}
            results.add(0, (b"a",))


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_line_that_was_cut_does_not_count(tmp_path: Path, cut: int) -> None:
    """Wherever a kill cut the last line, it is gone, the ones before count, and the file goes on well-formed."""
    path = tmp_path / "results.jsonl"
    with Results(path, KEY, resume=False) as results:
        results.add(0, (b"first",))
        results.add(1, (b"second",))
    path.write_bytes(path.read_bytes()[:-cut])
    with Results(path, KEY, resume=True) as results:
        assert set(results.done) <= {0}
        results.add(1, (b"again",))
    with Results(path, KEY, resume=True) as results:
        assert results.done[1] == (b"again",)


def test_a_flipped_byte_does_not_count(tmp_path: Path) -> None:
    """Every answer has a CRC: a line that the disk changed is asked for again."""
    path = tmp_path / "results.jsonl"
    with Results(path, KEY, resume=False) as results:
        results.add(0, (b"\0\0\0",))
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"AAAB"))
    with Results(path, KEY, resume=True) as results:
        assert results.done == {}


@pytest.mark.parametrize("field", ["model_hash", "data_hash", "board", "link", "options"])
def test_another_run_is_refused_and_kept(tmp_path: Path, field: str) -> None:
    """The error names what differs, and the file stays as it was."""
    path = tmp_path / "results.jsonl"
    Results(path, KEY, resume=False).close()
    before = path.read_bytes()
    with pytest.raises(InvalidProject, match=field.replace("_", " ")):
        Results(path, replace(KEY, **{field: "other"}), resume=True)
    assert path.read_bytes() == before


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    """The second is refused while the first writes."""
    path = tmp_path / "results.jsonl"
    with Results(path, KEY, resume=False), pytest.raises(InvalidProject, match="another run is writing"):
        Results(path, KEY, resume=False)


def test_ports_have_files_of_their_own(tmp_path: Path) -> None:
    """Two boards that run one build at once write two files."""
    names = {results_path(tmp_path, "serial", port) for port in (None, "/dev/ttyA", "/dev/ttyB")}
    assert len(names) == 3
