"""What the doctor finds: one line each, with one line of advice."""

from __future__ import annotations

from typing import Literal, NamedTuple

from mindpeeker_guard._shown import plain

_MOST = 400  # characters


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        level: ``ok``, ``warning``, ``problem``, or ``skipped`` where it was not looked at.
        text: What was found, escaped.
        advice: What to do; empty where nothing need be done.
    """

    name: str
    level: Literal["ok", "warning", "problem", "skipped"]
    text: str
    advice: str = ""


def ok(name: str, text: str) -> Finding:
    """Say that all is well."""
    return Finding(name, "ok", plain(text, _MOST))


def warning(name: str, text: str, advice: str) -> Finding:
    """Say that something may go wrong."""
    return Finding(name, "warning", plain(text, _MOST), advice)


def problem(name: str, text: str, advice: str) -> Finding:
    """Say that something is wrong."""
    return Finding(name, "problem", plain(text, _MOST), advice)


def skipped(name: str, text: str) -> Finding:
    """Say that something was not looked at, and why."""
    return Finding(name, "skipped", plain(text, _MOST))
