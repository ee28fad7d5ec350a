"""What is wrong with a recipe, in sentences that name the field, the reason and what would be right.

Belongs here: turning pydantic's errors into them. Doesn't belong here: what is allowed (the models say it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import groupby
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from telecine.recipe.base import SpecModel

_TYPES = ("int", "float", "str", "bool", "none")  # how pydantic names the branches of a union in an error's place


def reasons(error: ValidationError, whole: type[SpecModel], outputs: Sequence[type[SpecModel]]) -> Iterator[str]:
    """One sentence for each field that is wrong.

    Args:
        whole: the model that was validated.
        outputs: models of its `outputs`, told apart by their `kind`.
    """
    found = error.errors(include_url=False)
    # An output that is wrong isn't counted, and "at least 1 item" would only confuse.
    problems = [p for p in found if p["loc"] != ("outputs",)] or found
    for place, of_place in groupby(problems, key=lambda problem: _place(problem["loc"])):
        problem = _telling(list(of_place))
        if problem["type"] == "extra_forbidden":
            yield f"{'.'.join(place)}: {_unknown_field(problem['loc'], whole, outputs)}"
        else:
            yield f"{'.'.join(place) or 'recipe'}: {problem['msg'].removeprefix('Value error, ')}"


def _place(loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The field, without the branches of a union that were tried for it."""
    names = [str(part) for part in loc]
    branch = next((n for n, name in enumerate(names) if _is_branch(name)), len(names))
    return tuple(names[:branch])


def _is_branch(name: str) -> bool:
    return "[" in name or name.startswith("constrained-") or name in _TYPES


def _telling(problems: list[ErrorDetails]) -> ErrorDetails:
    """Of all branches that were tried, the one that came furthest: it is most likely what was meant."""

    def reached(problem: ErrorDetails) -> tuple[bool, int]:
        return not problem["type"].endswith(("_type", "_parsing")), len(problem["loc"])

    return max(problems, key=reached)


def _unknown_field(loc: tuple[int | str, ...], whole: type[SpecModel], outputs: Sequence[type[SpecModel]]) -> str:
    """What to say of a field that doesn't exist: the ones that do."""
    model = whole
    for candidate in outputs:
        if len(loc) > 2 and loc[2] in get_args(candidate.model_fields["kind"].annotation):
            model = candidate
    for part in loc[3:-1]:
        model = _within(model, str(part))
    fields = list(model.model_fields)
    near = get_close_matches(str(loc[-1]), fields, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ";"
    return f"there is no field {loc[-1]!r}{hint} Allowed: {', '.join(fields)}"


def _within(model: type[SpecModel], field: str) -> type[SpecModel]:
    """The model that a field of a model holds; the model itself when it holds none."""
    annotation = model.model_fields[field].annotation if field in model.model_fields else None
    held = (annotation, *get_args(annotation))
    return next((a for a in held if isinstance(a, type) and issubclass(a, SpecModel)), model)
