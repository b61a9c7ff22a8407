"""Where a request comes from, and what a caller can make the guard believe of it: nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindpeeker_guard import ConfigurationError, Request, TrustedProxies
from mindpeeker_guard._sources import UNKNOWN, Sources, parse_address

FRONT = "10.0.0.1"
CALLER = "203.0.113.7"
VICTIM = "198.51.100.1"


def seen(peer, *, xff=(), forwarded=()):
    headers = [("X-Forwarded-For", value) for value in xff] + [("Forwarded", value) for value in forwarded]
    return Request(headers=headers, peer=peer)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", UNKNOWN),
        ("", UNKNOWN),
        ("010.0.0.1", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_the_address_of_a_peer(peer, expected):
    """
    IPv4 addresses stand for themselves, also inside of IPv6; an IPv6 /64 is one source; all else is unknown.
    """
    assert expected == Sources(None).of(seen(peer))


@pytest.mark.parametrize("trusted", [None, (), ["192.0.2.0/24"]])
def test_a_header_from_one_who_is_no_proxy_counts_for_nothing(trusted):
    """
    A caller who connects directly cannot be somebody else, whatever it sends.
    """
    request = seen(CALLER, xff=[VICTIM], forwarded=[f"for={VICTIM}"])

    assert CALLER == Sources(trusted).of(request)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([CALLER], CALLER),
        ([f"{VICTIM}, {CALLER}"], CALLER),
        ([VICTIM, CALLER], CALLER),
        ([f"{VICTIM}, {CALLER}, 10.0.0.9"], CALLER),
        ([f"{FRONT}, {CALLER}, {FRONT}"], CALLER),
        ([f"{CALLER}:4711"], CALLER),
        (["[2001:db8::1]:4711"], "2001:db8::/64"),
        ([f"not-an-address, {CALLER}"], CALLER),
        ([f"{'9' * 5000}, {CALLER}"], CALLER),
        ([f"::ffff:{CALLER}"], CALLER),
        ([f'"{VICTIM}'], FRONT),
        (["unknown"], FRONT),
        ([""], FRONT),
        ([], FRONT),
        ([f"{CALLER}, unknown"], FRONT),
        ([f"{CALLER}, unknown, 10.0.0.9"], "10.0.0.9"),
        (["10.0.0.7, 10.0.0.8"], "10.0.0.7"),
    ],
)
def test_a_chain_is_read_from_its_end(values, expected):
    """
    The source is the last address that no proxy on the list has; what the caller wrote in front of it is not read.
    """
    assert expected == Sources(["10.0.0.0/8"]).of(seen(FRONT, xff=values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"for={CALLER}"], CALLER),
        ([f"for={VICTIM}, for={CALLER};proto=https;by={FRONT}"], CALLER),
        ([f'For="{CALLER}:80"'], CALLER),
        (['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::/64"),
        ([f'for="{VICTIM}', f"for={CALLER}"], CALLER),
        ([f'for="{VICTIM}, for={CALLER}'], CALLER),
        (["for=_hidden"], FRONT),
        (["for=unknown"], FRONT),
        (["proto=https"], FRONT),
    ],
)
def test_forwarded_is_read_where_that_is_the_header(values, expected):
    """
    The elements of Forwarded (RFC 7239) are read from the end, too, and an open quote hides nothing.
    """
    proxies = TrustedProxies("10.0.0.0/8", header="Forwarded")

    assert expected == Sources(proxies).of(seen(FRONT, forwarded=values, xff=[VICTIM]))


def test_only_one_of_the_two_headers_counts():
    """
    A proxy that writes X-Forwarded-For passes on the Forwarded that a caller has made up; it is not read.
    """
    request = seen(FRONT, xff=[CALLER], forwarded=[f"for={VICTIM}"])

    assert CALLER == Sources([FRONT]).of(request)


def test_a_unix_socket_has_no_address():
    """
    Behind a Unix socket the header counts where that is said, and there is no source where it is not.
    """
    request = seen(None, xff=[CALLER])

    assert CALLER == Sources(["unix"]).of(request)
    assert UNKNOWN == Sources(["10.0.0.0/8"]).of(request)
    assert UNKNOWN == Sources(["unix"]).of(seen(None))


def test_a_chain_of_any_length_is_read_in_part():
    """
    Of a chain of ten thousand proxies the last few are read, and no more.
    """
    request = seen(FRONT, xff=[", ".join([CALLER, *["10.0.0.2"] * 10_000])])

    assert "10.0.0.2" == Sources(["10.0.0.0/8"]).of(request)


@pytest.mark.parametrize(
    ("trusted", "peer", "expected"),
    [
        (None, CALLER, CALLER),
        (None, "2a00:1450:4001:800::1", "2a00:1450:4001:800::/64"),
        (None, "127.0.0.1", None),
        (None, "10.1.2.3", None),
        (None, "100.64.0.1", None),
        (None, "fd00::1", None),
        (None, "testclient", None),
        (None, None, None),
        ((), "127.0.0.1", "127.0.0.1"),
        ((), "10.1.2.3", "10.1.2.3"),
        ((), None, None),
        (["10.0.0.0/8"], "10.1.2.3", None),
        (["10.0.0.0/8"], "192.168.0.1", "192.168.0.1"),
    ],
)
def test_an_address_that_many_may_share_is_nobodys(trusted, peer, expected):
    """
    A private address is nobody's until somebody has said which proxies there are; a proxy's address never is.
    """
    public = {CALLER: "8.8.4.4"}
    peer, expected = public.get(peer, peer), public.get(expected, expected)

    assert expected == Sources(trusted).of_somebody(seen(peer))


@pytest.mark.parametrize("networks", ["10.0.0.0/8", [3], ["10.0.0.0/33"], ["10.0.0.1/8"], ["proxy.example"], [""], 5])
def test_a_wrong_list_is_found_at_start(networks):
    """
    What is no list of networks is refused, with what is wrong.
    """
    with pytest.raises(ConfigurationError, match="trusted_proxies"):
        Sources(networks)


def test_a_wrong_header_is_found_at_start():
    """
    Only two headers tell a caller's address.
    """
    with pytest.raises(ConfigurationError, match="Forwarded"):
        TrustedProxies("10.0.0.1", header="X-Real-IP")


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text):
    """
    Whatever stands in a header or for a peer, reading it raises nothing, and a junk entry never is an address.
    """
    parse_address(text)
    proxies = Sources([FRONT])

    assert CALLER == proxies.of(seen(FRONT, xff=[f"{text.replace(',', ' ')}, {CALLER}"]))
    proxies.of(seen(text, xff=[text]))
    Sources(TrustedProxies(FRONT, header="Forwarded")).of(seen(FRONT, forwarded=[text]))
