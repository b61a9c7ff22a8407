"""Every case through every carrier. A carrier is a name here; what is behind it, `clients` knows."""

from __future__ import annotations

import pytest
from tests.contract.cases import CASES, Case
from tests.contract.clients import CARRIERS, client, reference
from tests.contract.clients.base import Answer, Client
from tests.contract.expected import ANONYMOUS, COMPARED
from tests.contract.resources import runs


def lets_preflight_through(case: Case) -> bool:
    """Tell whether the case is a preflight request that may pass without a credential."""
    return case.guard == "preflight" and case.expected is ANONYMOUS


PAIRS = [
    pytest.param(name, case, id=f"{name}: {case.name}")
    for name, carrier in CARRIERS.items()
    for case in CASES
    if case.method in carrier.methods and not (carrier.any_method and lets_preflight_through(case))
]


def compared(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    """Return what must be the same everywhere."""
    return answer.status, {name: answer.headers[name] for name in COMPARED if name in answer.headers}, answer.body


def send(to: Client, case: Case) -> tuple[Answer, int]:
    """Send the case's request; return the answer, and how many views ran."""
    runs.clear()
    answer = to.send(case.method, case.path, case.headers, case.body)
    return answer, len(runs)


def test_the_table_is_large_enough():
    """
    There are more than sixty cases, each with a name of its own, and at least fourteen carriers.
    """
    assert len(CASES) == len({case.name for case in CASES})
    assert len(CASES) >= 60
    assert len(CARRIERS) >= 14


@pytest.mark.parametrize(("carrier", "case"), PAIRS)
def test_a_request_gets_the_same_answer_through_every_carrier(carrier: str, case: Case):
    """
    Status, challenge, caching, body: all of them are what the table says, and what the guard itself answers.
    """
    to = client(carrier, case.guard)

    answer, ran = send(to, case)

    body = b"" if case.method == "HEAD" else case.expected.body
    assert (case.expected.status, dict(case.expected.headers), body) == compared(answer)
    assert int(case.expected.runs) == ran
    assert compared(send(reference(case.guard), case)[0]) == compared(answer)


@pytest.mark.parametrize("case", [*filter(lets_preflight_through, CASES)], ids=lambda case: case.name)
@pytest.mark.parametrize("carrier", [name for name, carrier in CARRIERS.items() if carrier.any_method])
def test_a_preflight_request_does_not_run_a_view_that_takes_every_method(carrier: str, case: Case):
    """
    Where a view would take OPTIONS for GET, a preflight request that may pass is answered without it.
    """
    answer, ran = send(client(carrier, case.guard), case)

    assert (204, b"", 0) == (answer.status, answer.body, ran)
