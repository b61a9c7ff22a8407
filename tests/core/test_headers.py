"""Credentials out of headers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindpeeker_guard import InvalidRequestError
from mindpeeker_guard._headers import check_token, scheme_credential

fragments = st.sampled_from(["Bearer", "bearer ", "Basic ", ",", " ", "\t", "a.b.c", "=", "\x00", "é", "Bearerx", '"'])
values = st.lists(st.lists(fragments, max_size=6).map("".join) | st.text(max_size=20), max_size=3)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([], None, id="no header"),
        pytest.param([""], None, id="empty header"),
        pytest.param(["Bearer abc"], "abc", id="plain"),
        pytest.param(["bEARER abc"], "abc", id="any case"),
        pytest.param(["  \tBearer   abc \t"], "abc", id="blanks around"),
        pytest.param(["Bearer a b"], "a b", id="left to the token check"),
        pytest.param(["Bearer a, b"], "a, b", id="comma left to the token check"),
        pytest.param(["Basic dXNlcjpwYXNz"], None, id="another scheme"),
        pytest.param(["Bearers abc"], None, id="a longer scheme"),
        pytest.param(["Bearer-x abc"], None, id="a scheme with a dash"),
        pytest.param(["abc"], None, id="a token alone"),
        pytest.param(["Basic a", "Basic b"], None, id="two of another scheme"),
        pytest.param(["Digest a, b=c"], None, id="commas of another scheme"),
        pytest.param(["Digest a, Bearers=c"], None, id="a longer word behind a comma"),
        pytest.param(["Basic Bearer"], None, id="the word within another scheme"),
    ],
)
def test_what_is_found(headers, expected):
    """
    The credential is what follows the scheme, in any case; another scheme is nobody's business.
    """
    assert expected == scheme_credential(headers, "Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["Bearer"], id="nothing follows"),
        pytest.param(["Bearer "], id="only a blank follows"),
        pytest.param(["Bearer\tabc"], id="tab"),
        pytest.param(["Bearer\xa0abc"], id="no-break space"),
        pytest.param(["Bearer,abc"], id="comma"),
        pytest.param(["Bearer:abc"], id="colon"),
        pytest.param(["Bearer=abc"], id="equals sign"),
        pytest.param(["Bearer abc", "Bearer abc"], id="twice the same"),
        pytest.param(["Bearer abc", "Bearer def"], id="two"),
        pytest.param(["Bearer abc", "Basic def"], id="one of ours, one not"),
        pytest.param(["Basic abc", "bearer"], id="second of ours and empty"),
        pytest.param(["Basic abc,Bearer def"], id="joined by a server"),
        pytest.param(["Basic abc , \tbearer def"], id="joined with blanks"),
        pytest.param(["Basic abc, Bearer"], id="joined, and empty"),
        pytest.param(["Basic abc, Bearer=x"], id="joined, with an equals sign"),
        pytest.param(["Bearer abc", ""], id="an empty second header"),
    ],
)
def test_what_is_refused(headers):
    """
    Two credentials, or a scheme with nothing after it, are refused, however the server hands them over.
    """
    with pytest.raises(InvalidRequestError):
        scheme_credential(headers, "Bearer")


def test_schemes_are_matched_as_words():
    """
    A scheme's name is never read as a pattern, and a prefix of another name is not it.
    """
    assert scheme_credential(["A.b x"], "A.b") == "x"
    assert scheme_credential(["Axb y", "Axb z"], "A.b") is None
    assert scheme_credential(["DPoPx y"], "DPoP") is None


@given(values)
def test_any_headers_give_a_credential_or_the_declared_error(headers):
    """
    Whatever the headers hold, the answer is a credential, None, or InvalidRequestError; never a credential out of two.
    """
    try:
        found = scheme_credential(headers, "Bearer")
    except InvalidRequestError:
        return

    assert found is None or (len(headers) == 1 and found in headers[0] and found)


@pytest.mark.parametrize("token", [b"a", b"a.b.c", b"-._~+/", b"abc=", b"abc=="])
def test_good_tokens(token):
    """
    A b64token may be a bearer token.
    """
    check_token(token)


@pytest.mark.parametrize(
    "token",
    [b"", b"=", b"==", b"=a", b"a=b", b"a b", b"a,b", b"a\tb", b"a\x00", b"\xc3\xa9", b"a\n", b'"a"', b"a%20", b"a?"],
    ids=repr,
)
def test_characters_that_no_token_has(token):
    """
    Characters that a bearer token cannot have make the request malformed.
    """
    with pytest.raises(InvalidRequestError):
        check_token(token)


@given(st.binary() | st.text(alphabet="aZ9-._~+/=?,").map(str.encode))
def test_any_token_is_judged_by_its_grammar(token):
    """
    What passes is a b64token, and everything else is InvalidRequestError.
    """
    try:
        check_token(token)
    except InvalidRequestError:
        passed = False
    else:
        passed = True

    assert passed == bool(re.fullmatch(rb"[A-Za-z0-9\-._~+/]+=*", token))
