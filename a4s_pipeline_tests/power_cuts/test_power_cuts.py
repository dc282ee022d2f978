"""What a power cut can leave of a real run: each state is opened and checked against the promises."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from a4s_pipeline.errors import ChangeSite
from a4s_pipeline.ondemand.inbox.inbox import Inbox
from a4s_pipeline.platform import Platform
from a4s_pipeline_tests.kills.versions import TABLES, columns_of
from a4s_pipeline_tests.power_cuts.programs import answer, import_all, platform_of, program
from a4s_pipeline_tests.power_cuts.recording import Call, NoStrace, files_below, record
from a4s_pipeline_tests.power_cuts.states import State, states
from a4s_pipeline_tests.stores import made
from a4s_pipeline_tests.support.nightly import Night
from a4s_pipeline_tests.support.project import ROOT
from a4s_sandbox import Administration, Faults, Sandbox, World

pytestmark = pytest.mark.slow

FIRST_BLOCK = 3 * 4096
MOST_OF_ONE = 20
REQUESTS = {"order": made.export("order"), "customer": made.create("K2"), "stock": made.STOCK}


def world(*, is_later: bool = True, sent: Sequence[bytes] = ()) -> World:
    """The gateway's data before or after the change, with what it received."""
    made_up = World()
    source = made_up.add_administration(made.ADMINISTRATION)
    made.fill(source)
    for number in range(3, 3 + 6 * is_later):
        line = {"lineCode": "1", "lineNumber": 1, "itemCode": "A1", "quantity": number, "lineTotal": 99}
        header = {"orderCode": f"VO-{number}", "orderDate": f"2024-03-0{number}T23:30:00", "subTotal": 99}
        source.put_order({**header, "customerCode": "K1"}, [line])
    for body in map(json.loads, sent):
        if "externalId" in body:
            source.book(body)
        else:
            source.register_customer(body)
    return made_up


class Ground:
    """A sandbox that considers every order new, and folders to work in."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self._folder = folder
        self.data = folder / "data"
        self.data.mkdir()

    def platform(self, data: Path | None = None) -> Platform:
        return platform_of(data or self.data, self.sandbox.url)

    @property
    def source(self) -> Administration:
        return self.sandbox.world[made.ADMINISTRATION]

    def be(self, later: World) -> None:
        self.sandbox.world = later

    def calls_of(self, name: str) -> list[Call]:
        try:
            return record(program(name), self.data, ROOT, self.sandbox.url)
        except NoStrace:
            pytest.skip("strace may not follow a process here")

    def each(self, found: Sequence[State], hold: Callable[[Platform], None]) -> int:
        """Check each state; one that no ordered file system leaves may be reported as damaged."""
        for number, state in enumerate(found):
            data = self._folder / f"state{number}"
            state.put(data)
            try:
                hold(self.platform(data))
            except (ChangeSite, AssertionError) as error:
                if not (state.is_rare and isinstance(error, ChangeSite) and error.code == "StoreDamaged"):
                    raise AssertionError(f"{state.why}: {error}") from error
            shutil.rmtree(data)
        return len(found)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with Sandbox(world(is_later=False), faults=Faults(dedupe=False)) as sandbox:
        yield Ground(sandbox, tmp_path)


def rows(platform: Platform) -> dict[str, list[tuple[Any, ...]]]:
    with platform.readable.reading() as copy:
        queries = {
            table.name: f"SELECT {columns_of(table)} FROM {table.name} ORDER BY ALL" for table in TABLES
        }
        return {name: copy.execute(query).fetchall() for name, query in queries.items()}


def comes_to(calm: dict[str, list[tuple[Any, ...]]]) -> Callable[[Platform], None]:
    """Check that a sync imports what an undisturbed one imports."""

    def hold(platform: Platform) -> None:
        import_all(platform)
        assert rows(platform) == calm

    return hold


def answers_each_once(ground: Ground, state: State) -> Callable[[Platform], None]:
    """Check that every request ends up answered, and the order booked once."""

    def hold(platform: Platform) -> None:
        ground.be(world(sent=state.sent))
        for folder in ("inbox/done", "outbox"):
            for path in (platform.settings.data_dir / folder).glob("*.json"):
                assert json.loads(path.read_bytes()), f"{path.name} is empty"
        answer(platform)
        outbox = (platform.settings.data_dir / "outbox").glob("*.json")
        statuses = {path.stem: json.loads(path.read_bytes())["status"] for path in outbox}
        assert statuses == dict.fromkeys(REQUESTS, "ok")
        assert Counter(order.external_id for order in ground.source.booked) == {"order": 1}

    return hold


def drop_requests(ground: Ground) -> None:
    Inbox(ground.data).prepare()
    for name, request in REQUESTS.items():
        (ground.data / "inbox" / f"{name}.json").write_text(json.dumps(request))


def recorded(ground: Ground, name: str, chances: random.Random) -> list[State]:
    """Run a program, and return what a power cut can leave of it, in any order."""
    before = files_below(ground.data)
    found = list(states(before, ground.calls_of(name), chances))
    chances.shuffle(found)
    return found


def after_answers(ground: Ground, chances: random.Random) -> Iterator[int]:
    import_all(ground.platform())
    drop_requests(ground)
    for state in recorded(ground, "answer", chances):
        yield ground.each([state], answers_each_once(ground, state))


def after_a_first_import(ground: Ground, chances: random.Random) -> Iterator[int]:
    ground.be(world())
    yield from after_an_import(ground, chances)


def after_a_later_import(ground: Ground, chances: random.Random) -> Iterator[int]:
    import_all(ground.platform())
    ground.be(world())
    yield from after_an_import(ground, chances)


def after_an_import(ground: Ground, chances: random.Random) -> Iterator[int]:
    found = recorded(ground, "import_all", chances)
    hold = comes_to(rows(ground.platform()))
    for state in found:
        yield ground.each([state], hold)


def after_an_undo(ground: Ground, chances: random.Random) -> Iterator[int]:
    """Cut the power during a checkpoint, and again while the next opening undoes it."""
    import_all(ground.platform())
    ground.be(world())
    found = recorded(ground, "import_all", chances)
    hold = comes_to(rows(ground.platform()))
    for torn in found:
        writes = torn.parts["warehouse.duckdb"][1]
        # The first block, of the catalog, is what a checkpoint wrote last.
        if writes and writes[-1].at == FIRST_BLOCK and not torn.is_rare:
            shutil.rmtree(ground.data)
            torn.put(ground.data)
            for state in recorded(ground, "open_store", chances)[:MOST_OF_ONE]:
                yield ground.each([state], hold)


@pytest.mark.from_nothing
def test_what_was_recorded_is_played_to_the_letter_and_continued(ground: Ground) -> None:
    """Without these, the test would prove nothing."""
    import_all(ground.platform())
    drop_requests(ground)
    before = files_below(ground.data)
    calls = ground.calls_of("answer")
    *_, state = (one for one in states(before, calls, random.Random(1)) if "all writes" in one.why)
    assert state.files() == files_below(ground.data)
    seed = random.randrange(1_000_000)
    found = list(states(before, calls, random.Random(seed)))
    random.Random(seed).shuffle(found)
    for one in found[:8]:
        ground.each([one], answers_each_once(ground, one))


@pytest.mark.nightly
@pytest.mark.parametrize(
    "cut",
    [after_answers, after_a_first_import, after_a_later_import, after_an_undo],
    ids=lambda cut: cut.__name__,
)
@pytest.mark.from_nothing
def test_the_product_continues_from_whatever_a_power_cut_leaves(
    ground: Ground, cut: Callable[[Ground, random.Random], Iterator[int]]
) -> None:
    night, tried, seed = Night(share=0.03), 0, random.randrange(1_000_000)
    for count in cut(ground, random.Random(seed)):
        tried += count
        if night.is_over:
            break
    print(f"{tried} states, seed {seed}, in {night.seconds:.0f} s")  # noqa: T201 - `make nightly` shows it
    assert tried > 0
