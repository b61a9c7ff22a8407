"""What the fields of a key may be. Whatever else comes is a 422 with the field's name, and nothing is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api_keys.keywork import Clock, Store, service

from mindpeeker_guard import Guard, JWTBearer, ScopeCatalogue
from mindpeeker_guard.api_keys import InvalidFieldError, IssuedKey

CLOCK = Clock()
GOOD = {"name": "n", "scopes": ["profile"], "owner": "u", "expires_at": None}
MANY = ScopeCatalogue({f"s{number}": "" for number in range(60)})
BAD = {
    "name": [
        "",
        "   ",
        "x" * 101,
        "x" * 1_000_000,
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "a\u202eb",
        "a\u2066b",
        "a\u200fb",
        "a\u200bb",
        "a\u2028b",
        "\ud800",
        "\ue000",
        None,
        5,
        b"n",
        ["n"],
        {},
        True,
    ],
    "scopes": [
        [],
        "profile",
        b"profile",
        None,
        5,
        ["nope"],
        ["profile", "nope"],
        ["profile "],
        [5],
        [None],
        [["profile"]],
        [{}],
        ["profile"] * 51,
        {"profile nope": 1},
        "",
    ],
    "owner": ["", "x" * 256, "a\x00b", "a\nb", "\ud800", None, 5, b"u", ["u"], True],
    "expires_at": [
        CLOCK.moment,
        CLOCK.after(-1),
        datetime(2050, 1, 1),  # noqa: DTZ001 - naive on purpose
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=12))),
        "2050-01-01T00:00:00Z",
        2_000_000_000,
        True,
        [],
    ],
}


@pytest.mark.parametrize(
    ("field", "value"), [pytest.param(f, v, id=f"{f}-{i}") for f, values in BAD.items() for i, v in enumerate(values)]
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(field: str, value: object):
    """
    The error names the field, its sentence has nothing of the value, and the store is not asked.
    """
    store = Store()

    with pytest.raises(InvalidFieldError) as caught:
        service(store).issue(**(GOOD | {field: value}))

    assert (422, field, 0) == (caught.value.status, caught.value.field, store.asked.total())
    assert "nope" not in f"{caught.value} {caught.value.description}"


@pytest.mark.parametrize("name", ["n", "x" * 100, "Köln 世界 🚀", "a b", "<script>", "e\u0301" * 100])
def test_a_name_is_printable_text_of_any_script(name: str):
    """
    Normal form C, blanks around it cut off, 100 characters after that.
    """
    record = service().issue(f"  {name} ", ["profile"], owner="u").record

    assert name.replace("e\u0301", "é") == record.name


@pytest.mark.parametrize("owner", ["u", "x" * 255, "auth0|5f7c", "https://issuer/#user", "Jürgen", "a b"])
def test_an_owner_is_kept_to_the_letter(owner: str):
    """
    It is the subject of a token: it is compared, and never changed.
    """
    assert owner == service().issue("n", ["profile"], owner=owner).record.owner


def test_fifty_scopes_of_the_catalogue_are_a_set():
    """
    Any iterable of strings will do; one named twice is one.
    """
    keys = service(catalogue=MANY)

    assert (
        frozenset(f"s{n}" for n in range(50)) == keys.issue("n", [f"s{n}" for n in range(50)], owner="u").record.scopes
    )
    assert {"s1", "s2"} == keys.issue("n", iter(["s1", "s2", "s1"]), owner="u").record.scopes


@pytest.mark.parametrize(
    "end",
    [
        CLOCK.after(0.000001),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        CLOCK.after(60).astimezone(timezone(-timedelta(hours=5))),
    ],
)
def test_an_end_lies_in_the_future_and_is_kept_in_utc(end: datetime):
    """
    Any zone will do.
    """
    record = service().issue("n", ["profile"], owner="u", expires_at=end).record

    assert (end, UTC) == (record.expires_at, record.expires_at.tzinfo)


@pytest.mark.parametrize("limit", [0, -1, 101, 10**20, True, "5", None, 2.0])
def test_a_page_has_one_to_a_hundred_keys(limit: object):
    """
    Nobody reads the whole store at once.
    """
    with pytest.raises(InvalidFieldError, match="limit"):
        service().list("u", limit=limit)


OVERLAPS = [
    -1,
    -0.001,
    -float("inf"),
    float("nan"),
    float("inf"),
    10**400,
    -(10**400),
    True,
    "60",
    None,
    [],
    366 * 86400 + 1,
]


@pytest.mark.parametrize("overlap", OVERLAPS, ids=range(len(OVERLAPS)))
def test_an_overlap_is_a_number_of_seconds(overlap: object):
    """
    From nothing to a leap year.
    """
    store = Store()

    with pytest.raises(InvalidFieldError, match="overlap"):
        service(store).rotate("x" * 16, overlap=overlap)
    assert 0 == store.asked.total()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(name=json_values, scopes=json_values, owner=json_values, expires_at=json_values | st.datetimes())
def test_no_values_cause_anything_but_a_refusal(name, scopes, owner, expires_at):
    """
    Whatever JSON can say, the answer is a key or the name of a field.
    """
    try:
        made = service().issue(name, scopes, owner=owner, expires_at=expires_at)
    except InvalidFieldError as error:
        made = error.field

    assert isinstance(made, IssuedKey) or made in GOOD


def test_the_problem_names_the_field():
    """
    A client can put the message where it belongs; the answer needs no challenge.
    """
    refusal = Guard(JWTBearer()).refusal(InvalidFieldError("name", "The name is no name."))

    assert 422 == refusal.status
    assert b'"detail":"The name is no name.","field":"name"' in refusal.body
    assert "WWW-Authenticate" not in dict(refusal.headers)
