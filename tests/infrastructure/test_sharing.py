"""How the tests of a run are shared out among workers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.plugins.sharing import Sharing, group_of, part_of, rank_of

JOURNEY = "tests/journeys/test_first_stamp.py::test_first_stamp"
TROUBLE = "tests/journeys/test_troubles.py::test_troubles_of_a_customer"
KIT = "zhanggui/ui/tests/test_living_forms.py::TestForms::test_sends_once"
RACE = "tests/races/test_pay.py::test_x[tests/journeys/]"
UNIT = "zhanggui/codes/tests/test_services.py::TestIssue::test_x"


class Worker:
    """Takes down what it is given."""

    shutting_down = False
    gateway = SimpleNamespace(id="gw")

    def __init__(self) -> None:
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        """Is told that there is no more."""


def shared_out(tests: list[str], *, workers: int) -> list[list[str]]:
    options = SimpleNamespace(loadscopereorder=False)
    config: Any = SimpleNamespace(option=options, getvalue=lambda _name: ["popen"] * workers)
    sharing = Sharing(config, None)
    everybody: list[Any] = [Worker() for _number in range(workers)]
    for worker in everybody:
        sharing.add_node(worker)
        sharing.add_node_collection(worker, tests)
    sharing.schedule()
    while sharing.has_pending:
        for worker in everybody:
            for index in list(worker.given):
                if not sharing.assigned_work[worker][part_of(tests[index])][tests[index]]:
                    sharing.mark_test_complete(worker, index)
    return [[tests[index] for index in worker.given] for worker in everybody]


def test_what_shares_a_running_product_is_one_part() -> None:
    assert group_of(JOURNEY) == group_of(TROUBLE) == part_of(TROUBLE) == "journeys"
    assert part_of(KIT) == "windows"
    assert group_of(UNIT) == group_of(RACE) == ""


def test_other_files_are_parts_and_long_tests_are_single() -> None:
    assert part_of(UNIT) == "zhanggui/codes/tests/test_services.py"
    assert part_of(RACE) == RACE


def test_groups_begin_and_units_end() -> None:
    assert sorted([UNIT, RACE, KIT, JOURNEY], key=rank_of) == [JOURNEY, KIT, RACE, UNIT]


def test_one_worker_gets_all_of_a_part() -> None:
    tests = [TROUBLE, JOURNEY, RACE, *(f"zhanggui/x/test_{n % 7}.py::test_{n}" for n in range(40))]
    shares = shared_out(tests, workers=3)
    assert sorted(test for share in shares for test in share) == sorted(tests)
    for share in shares:
        parts = {part_of(test) for test in share}
        assert {test for test in tests if part_of(test) in parts} == set(share)
    assert shares[0][:2] == [TROUBLE, JOURNEY]
