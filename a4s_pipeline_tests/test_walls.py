"""Which room may import which, checked by reading the imports."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from a4s_pipeline_tests.support.project import ROOT

PROJECT = ROOT
PACKAGE = PROJECT / "a4s_pipeline"
SANDBOX = PROJECT / "a4s_sandbox"
TESTS = PROJECT / "a4s_pipeline_tests"
MODULES = sorted(PACKAGE.rglob("*.py"))
EVERYTHING = [*MODULES, *sorted(SANDBOX.rglob("*.py")), *sorted(TESTS.rglob("*.py"))]
MOST_FILES = 13
DAGSTER_ROOMS = ("orchestration/", "components/", "definitions.py")


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that a file imports, inside functions and for type checking too."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} has a relative import"
            found.add(node.module or "")
            # `from package import module` imports the module too.
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def is_of(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def offenders(room: str, *forbidden: str) -> list[str]:
    """The imports in a room that its wall forbids."""
    modules = [path for path in MODULES if path.relative_to(PACKAGE).as_posix().startswith(room)]
    assert modules, room
    return [
        f"{name_of(path)} imports {module}"
        for path in modules
        for module in sorted(imports_of(path))
        if any(is_of(module, package) for package in forbidden)
    ]


def ours(*rooms: str) -> list[str]:
    return [f"a4s_pipeline.{room}" for room in rooms]


ABOVE = [*ours("sync", "ondemand", "orchestration", "definitions", "cli", "platform"), "a4s_sandbox"]


def test_the_gateway_knows_neither_the_warehouse_nor_what_is_above_it() -> None:
    assert offenders("gateway/", "duckdb", "pandas", "dagster", *ours("warehouse"), *ABOVE) == []


def test_the_warehouse_knows_neither_the_gateway_nor_what_is_above_it() -> None:
    assert offenders("warehouse/", "requests", "urllib3", "dagster", *ours("gateway"), *ABOVE) == []


@pytest.mark.parametrize("room", ["sync/", "ondemand/"])
def test_imports_and_on_demand_flows_run_without_dagster(room: str) -> None:
    assert offenders(room, "dagster", *ours("orchestration", "definitions", "cli"), "a4s_sandbox") == []


def test_imports_and_on_demand_flows_speak_http_only_through_the_gateway() -> None:
    assert offenders("sync/", "requests", "urllib3") == []
    assert offenders("ondemand/", "requests", "urllib3") == []


def test_the_sandbox_shares_nothing_with_what_it_tests() -> None:
    inside = [
        f"{name_of(path)} imports {module}"
        for path in EVERYTHING
        if path.is_relative_to(SANDBOX)
        for module in imports_of(path)
        if is_of(module, "a4s_pipeline")
    ]
    assert inside == []


def test_the_product_needs_no_sandbox_but_for_its_demo() -> None:
    using = {
        name_of(path) for path in MODULES if any(is_of(module, "a4s_sandbox") for module in imports_of(path))
    }
    assert using == {f"a4s_pipeline/cli/{name}.py" for name in ("demo", "dev", "sandbox")}


def test_only_orchestration_and_the_code_location_import_dagster() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if any(is_of(module, "dagster") for module in imports_of(path))
    }
    assert found
    assert [name for name in sorted(found) if not name.startswith(DAGSTER_ROOMS)] == []


def test_nobody_but_the_command_line_and_orchestration_imports_orchestration() -> None:
    found = [
        name_of(path)
        for path in MODULES
        if any(is_of(module, "a4s_pipeline.orchestration") for module in imports_of(path))
        and not path.relative_to(PACKAGE).as_posix().startswith((*DAGSTER_ROOMS, "cli/"))
    ]
    assert found == []


def test_no_private_module_of_another_package_is_imported() -> None:
    private = [
        f"{name_of(path)} imports {module}"
        for path in EVERYTHING
        for module in imports_of(path)
        if not any(is_of(module, known) for known in ("a4s_pipeline", "a4s_pipeline_tests", "__future__"))
        and any(part.startswith("_") for part in module.split("."))
    ]
    assert private == []


def test_no_module_is_named_by_nothing() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "misc", "common_utils"}
    assert [name_of(path) for path in EVERYTHING if path.stem in empty_names] == []


def test_no_imports_run_in_a_circle_between_rooms_or_inside_one() -> None:
    paths = {
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in MODULES
    }
    for node_of in (room_of, part_of_a_room):
        graph: dict[str, set[str]] = {}
        for path in paths.values():
            # The face of a package hands out what lies anywhere below it.
            if not node_of(path).endswith("__init__"):
                imported = {node_of(paths[module]) for module in imports_of(path) & paths.keys()}
                beside = {node for node in imported if not node.endswith("__init__")}
                graph.setdefault(node_of(path), set()).update(beside - {node_of(path)})
        assert tuple(TopologicalSorter(graph).static_order())


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def part_of_a_room(path: Path) -> str:
    """A folder of a room with everything below it, or a module of the room itself."""
    within = path.relative_to(PACKAGE)
    return "/".join(within.with_suffix("").parts[:2])


def test_a_room_is_small_enough_to_be_seen_at_once() -> None:
    files = Counter(path.parent for path in EVERYTHING if path.name != "__init__.py")
    assert {name_of(room): count for room, count in files.items() if count > MOST_FILES} == {}


def test_nothing_reads_files_outside_the_project() -> None:
    """No path of a particular machine is written down, and no path leads out of the project."""
    found = []
    for path in EVERYTHING:
        # A site may write `~` in a setting: that is read in one module, and nowhere else.
        if path not in {Path(__file__).resolve(), PACKAGE / "settings" / "paths.py"}:
            found += [f"{name_of(path)}: {what}" for what in outside(path)]
    assert found == []


def outside(path: Path) -> Iterator[str]:
    """What a file contains that leads out of the project."""
    folders = (PROJECT.as_posix(), "/home", "/root", "/mnt", "/proc", "~")
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value in folders or node.value.startswith(tuple(f"{name}/" for name in folders)):
                yield f"{node.value!r}"
        elif isinstance(node, ast.Attribute):
            if node.attr == "expanduser" or ast.unparse(node) == "Path.home":
                yield ast.unparse(node)
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and ast.unparse(node.value).endswith(".parents")
            and not path.parents[int(str(node.slice.value))].is_relative_to(PROJECT)
        ):
            yield ast.unparse(node)


# What every command loads, and the commands that answer while somebody waits.
COLD = ("main", "ondemand.orders", "ondemand.stock", "imports.sync")


def test_a_command_that_answers_at_once_loads_neither_dagster_nor_pandas() -> None:
    script = (
        f"import sys, {', '.join(f'a4s_pipeline.cli.{module}' for module in COLD)}\n"
        "slow = {'dagster', 'pandas', 'numpy'} & sys.modules.keys()\n"
        "sys.exit(f'loads {sorted(slow)}' if slow else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
