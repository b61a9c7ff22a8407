"""Showing, ending and rotating keys."""

from __future__ import annotations

from typing import Final

from tests.api_keys.routes import world
from tests.api_keys.routes.casework import (
    ABSENT,
    CREATE,
    CREATED,
    ENDED,
    GOOD,
    KEYS,
    LIMIT,
    NO_KEY_ID,
    NO_STORE,
    NOT_JSON,
    OVERLAP,
    READ,
    TYPE,
    Case,
    made,
    not_held,
    page,
    refused,
    shown,
    when,
    wrong,
)
from tests.api_keys.routes.world import ADMIN, ALIVE, EXPIRED, FOREIGN, NOBODYS, REVOKED, ROTATED, SECOND, STRONG

READING: Final = [
    Case("all own keys", f"GET {KEYS}", 200, page(*world.OWN)),
    Case("no keys", f"GET {KEYS}", 200, page(), claims={"sub": "user-3"}),
    Case("a page", f"GET {KEYS}?limit=2", 200, page(ALIVE, SECOND, following=SECOND)),
    Case("the next page", f"GET {KEYS}?limit=2&after={SECOND}", 200, page(REVOKED, EXPIRED, following=EXPIRED)),
    Case("the last page", f"GET {KEYS}?limit=3&after={EXPIRED}", 200, page(ROTATED, STRONG)),
    Case("after the last", f"GET {KEYS}?after={STRONG}", 200, page()),
    Case("after an unknown key", f"GET {KEYS}?after={NOBODYS}", 200, page()),
    Case("after somebody else's key", f"GET {KEYS}?after={FOREIGN}", 200, page()),
    Case("after an earlier key of somebody else", f"GET {KEYS}?after={ALIVE}", 200, page(), claims={"sub": "user-2"}),
    Case("everybody's keys", f"GET {KEYS}", 200, page(*world.OWN, FOREIGN), scope=ADMIN),
    Case("after any key", f"GET {KEYS}?after={STRONG}", 200, page(FOREIGN), scope=ADMIN),
    Case("parameters of others", f"GET {KEYS}?utm=1&owner=user-2&limit=1", 200, page(ALIVE, following=ALIVE)),
    wrong("no limit", "limit", LIMIT, None, f"GET {KEYS}?limit="),
    wrong("a limit of 0", "limit", LIMIT, None, f"GET {KEYS}?limit=0"),
    wrong("a limit of 101", "limit", LIMIT, None, f"GET {KEYS}?limit=101"),
    wrong("a limit below 0", "limit", LIMIT, None, f"GET {KEYS}?limit=-1"),
    wrong("a limit in words", "limit", LIMIT, None, f"GET {KEYS}?limit=all"),
    wrong("a limit in other digits", "limit", LIMIT, None, f"GET {KEYS}?limit=%D9%A1"),
    wrong("two limits", "limit", "A parameter of the query stands twice.", None, f"GET {KEYS}?limit=1&limit=2"),
    wrong("after nothing", "after", NO_KEY_ID, None, f"GET {KEYS}?after="),
    wrong("after what is no id", "after", NO_KEY_ID, None, f"GET {KEYS}?after=%00'--"),
    wrong("bytes that are no text", "query", "The query string is malformed.", None, f"GET {KEYS}?after=%FF"),
    wrong("forty parameters", "query", "The query string is malformed.", None, f"GET {KEYS}?" + "&".join(["x=1"] * 40)),
    Case("one key", f"GET {KEYS}/{ALIVE}", 200, shown(ALIVE)),
    Case("one revoked key", f"GET {KEYS}/{REVOKED}", 200, shown(REVOKED)),
    Case("any key", f"GET {KEYS}/{FOREIGN}", 200, shown(FOREIGN), scope=ADMIN),
    refused("an unknown key", f"GET {KEYS}/{NOBODYS}", 404, ABSENT),
    refused("somebody else's key", f"GET {KEYS}/{FOREIGN}", 404, ABSENT),
    refused("an id of odd characters", f"GET {KEYS}/%00%C3%A4'--", 404, ABSENT),
    refused("an id too long", f"GET {KEYS}/{'A' * 3000}", 404, ABSENT),
]

ENDING: Final = [
    Case("revoking", f"DELETE {KEYS}/{ALIVE}", 204, None, NO_STORE),
    Case("revoking an expired key", f"DELETE {KEYS}/{EXPIRED}", 204, None, NO_STORE),
    Case("revoking a stronger key", f"DELETE {KEYS}/{STRONG}", 204, None, NO_STORE),
    Case("revoking any key", f"DELETE {KEYS}/{FOREIGN}", 204, None, NO_STORE, scope=ADMIN),
    refused("revoking again", f"DELETE {KEYS}/{REVOKED}", 409, ENDED),
    refused("revoking an unknown key", f"DELETE {KEYS}/{NOBODYS}", 404, ABSENT),
    refused("revoking somebody else's key", f"DELETE {KEYS}/{FOREIGN}", 404, ABSENT),
    refused("revoking what is no id", f"DELETE {KEYS}/no-id", 404, ABSENT),
]

_LATER: Final = {"name": "Key 1", "expires_at": when(24), "replaces": ALIVE}
ROTATING: Final = [
    Case("rotating", f"POST {KEYS}/{ALIVE}/rotate", 201, made(**_LATER), CREATED, content_type=None),
    Case(
        "rotating with an overlap", f"POST {KEYS}/{ALIVE}/rotate", 201, made(**_LATER), CREATED, send={"overlap": 60.5}
    ),
    Case("rotating with no members", f"POST {KEYS}/{ALIVE}/rotate", 201, made(**_LATER), CREATED, send={}),
    refused("rotating a revoked key", f"POST {KEYS}/{REVOKED}/rotate", 409, ENDED),
    refused("rotating an expired key", f"POST {KEYS}/{EXPIRED}/rotate", 409, ENDED),
    refused("rotating again", f"POST {KEYS}/{ROTATED}/rotate", 409, ENDED),
    refused("rotating an unknown key", f"POST {KEYS}/{NOBODYS}/rotate", 404, ABSENT),
    refused("rotating somebody else's key", f"POST {KEYS}/{FOREIGN}/rotate", 404, ABSENT),
    refused("rotating what is no id", f"POST {KEYS}/no-id/rotate", 404, ABSENT),
    not_held("rotating after a scope was lost", f"POST {KEYS}/{STRONG}/rotate", "remote-viewing:admin"),
    not_held("rotating without any scope", f"POST {KEYS}/{SECOND}/rotate", "profile", READ, scope=None),
    not_held("rotating any key without its scopes", f"POST {KEYS}/{FOREIGN}/rotate", READ, scope=ADMIN),
    Case(
        "rotating any key",
        f"POST {KEYS}/{FOREIGN}/rotate",
        201,
        made(name="Key 7", replaces=FOREIGN),
        CREATED,
        scope=f"{ADMIN} {READ}",
    ),
    *(
        wrong(f"an overlap of {value!r:.12}", "overlap", OVERLAP, {"overlap": value}, f"POST {KEYS}/{ALIVE}/rotate")
        for value in (-1, True, "60", None, [], 10**400)
    ),
    wrong(
        "an overlap of two years",
        "overlap",
        "The overlap must be a number of seconds from 0 to 31622400.",
        {"overlap": 2 * 366 * 86400},
        f"POST {KEYS}/{ALIVE}/rotate",
    ),
    wrong(
        "an unknown member of a rotation",
        "scopes",
        "The body has an unknown member.",
        {"scopes": []},
        f"POST {KEYS}/{ALIVE}/rotate",
    ),
    refused("rotating with no JSON", f"POST {KEYS}/{ALIVE}/rotate", 400, NOT_JSON, send=b"60"),
    refused(
        "rotating with a form",
        f"POST {KEYS}/{ALIVE}/rotate",
        415,
        TYPE,
        send=b"overlap=60",
        content_type="application/x-www-form-urlencoded",
    ),
]

_SORRY: Final = "Access cannot be checked at the moment."
DOWN: Final = [
    refused(
        f"{request} with the store down", request, 503, _SORRY, headers={"retry-after": "1"}, is_down=True, send=send
    )
    for request, send in (
        (CREATE, GOOD),
        (f"GET {KEYS}", None),
        (f"GET {KEYS}/{ALIVE}", None),
        (f"DELETE {KEYS}/{ALIVE}", None),
        (f"POST {KEYS}/{ALIVE}/rotate", None),
    )
]
