"""The nearest known word to one that is not known: what "did you mean" says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_WORD: Final = 80
_MAX_CANDIDATES: Final = 20_000


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return the candidate nearest to `word`, or the empty string when none is near.

    Guarantee: ties go to the one that sorts first; costs are bounded for long words and many candidates.
    """
    if len(word) > _MAX_WORD:
        return ""
    limit = max(1, min(3, (len(word) + 1) // 3))
    best, best_distance = "", limit + 1
    for count, candidate in enumerate(sorted(candidates)):
        if count >= _MAX_CANDIDATES:
            break
        if abs(len(candidate) - len(word)) >= best_distance or candidate == word:
            continue
        if len(set(word) - set(candidate)) >= best_distance:
            continue
        distance = _distance(word.lower(), candidate.lower(), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def advise(word: str, candidates: Iterable[str]) -> str:
    """Return "did you mean 'x'?", or the empty string."""
    found = nearest(word, candidates)
    return f"did you mean '{found}'?" if found else ""


def _distance(one: str, other: str, limit: int) -> int:
    """Return the optimal string alignment distance (insert, delete, replace, swap neighbours), or `limit` when it is not less.

    Source: https://en.wikipedia.org/wiki/Damerau-Levenshtein_distance
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, target in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != target))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == target:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
    return row[-1]
