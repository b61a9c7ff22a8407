"""Good tokens that do not reach far enough."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mindpeeker_guard.testing._flaws import Flaw
from mindpeeker_guard.testing._probes import Expected, Kit, Probe, hostile


def too_little(kit: Kit) -> Iterator[Probe]:
    """Yield good tokens whose scopes are not enough; none where the route requires no scope."""
    if kit.scopes:
        yield from _with(kit, Flaw.SCOPE, _missing(kit))
        yield from _with(kit, Flaw.SIMILAR_SCOPE, _similar(kit))
        yield from _with(kit, Flaw.OTHER_SCOPE, _others(kit))
        yield from hostile(Flaw.SIMILAR_SCOPE, _elsewhere(kit), Expected.DENIED)


def _with(kit: Kit, flaw: Flaw, held: Iterator[tuple[str, list[str]]]) -> Iterator[Probe]:
    tokens = ((what, kit.token(scopes=scopes)) for what, scopes in held if not kit.satisfied_by(scopes))
    yield from hostile(flaw, tokens, Expected.FORBIDDEN)


def _missing(kit: Kit) -> Iterator[tuple[str, list[str]]]:
    yield "A good token without any scope", []
    yield "A good token with other scopes only", ["openid", "offline_access"]
    if not kit.any_scope and len(kit.scopes) > 1:
        for scope in kit.scopes:
            yield f"A good token without {scope}", [other for other in kit.scopes if other != scope]


def _similar(kit: Kit) -> Iterator[tuple[str, list[str]]]:
    """Yield scopes that look like the needed ones to whoever compares texts."""
    rest, scope = list(kit.scopes[1:]) if not kit.any_scope else [], kit.scopes[0]
    service = scope.partition(":")[0]
    for similar in (
        scope[:-1],
        f"{scope}x",
        f"x{scope}",
        scope.upper(),
        f"{scope},{scope}",
        f"{scope}:{scope}",
        f"-{scope}",
        f"{service}:*",
        f"{service}:",
        "*",
    ):
        yield f"A good token with {similar} in place of {scope}", [similar, *rest]
    if len(kit.scopes) > 1:
        yield "A good token with all scopes written as one word", ["".join(kit.scopes)]


def _others(kit: Kit) -> Iterator[tuple[str, list[str]]]:
    """Yield scopes that imply nothing of what is needed."""
    service = kit.scopes[0].partition(":")[0]
    for other in ("admin", ":admin", f"x{service}:admin", f"{service}x:admin", f"{service}:administrator"):
        yield f"A good token with {other}", [other]
    for admin in kit.catalogue:
        if admin.endswith(":admin"):
            yield f"A good token with {admin}, of another service", [admin]
    siblings = [name for name in kit.catalogue if name.startswith(f"{service}:") and not name.endswith(":admin")]
    for sibling in siblings:
        yield f"A good token with {sibling}, of the same service", [sibling]


def _elsewhere(kit: Kit) -> Iterator[tuple[str, str]]:
    """Yield needed scopes where no scope stands."""
    names = list(kit.scopes)
    for claim in ("scopes", "permissions", "roles", "authorities"):
        claims: dict[str, Any] = {"scope": None, claim: names}
        yield f"A good token with the scopes in the claim {claim}", kit.token(**claims)
    yield "A good token with the scopes in scp, behind another scope", kit.token(scope="openid", scp=names)
    yield "A good token whose scopes are joined by a comma", kit.token(scope=",".join([*names, "openid"]))
