from pathlib import Path

import psutil

from a4s_pipeline_tests.soak.measuring import MIB, Folder, Taken, folder, growth, taken_by


def of_one(*taken: tuple[float, int, int]) -> list[dict[str, Taken]]:
    return [
        {"daemon": Taken(int(memory * MIB), files, threads)}
        for memory, files, threads in taken
        for _ in range(3)
    ]


def test_what_grows_after_it_has_settled_is_named_and_what_settles_is_not() -> None:
    assert growth(of_one((50, 10, 5), (200, 30, 12), (210, 31, 12), (212, 32, 13))) == []
    assert growth(of_one((50, 10, 5), (200, 30, 12), (300, 60, 15), (400, 90, 24))) == [
        "daemon: memory 209,715,200 -> 419,430,400",
        "daemon: files 30 -> 90",
        "daemon: threads 12 -> 24",
    ]


def test_a_process_and_a_folder_are_measured(tmp_path: Path) -> None:
    taken = taken_by(psutil.Process())
    assert taken.memory > MIB
    assert taken.files > 0
    assert taken.threads > 0

    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a").write_bytes(b"12345")
    assert folder(tmp_path) == Folder(1, 5)
