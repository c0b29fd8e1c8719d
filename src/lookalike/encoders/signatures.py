"""What a function takes, read off its signature."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters that a function names."""
    return inspect.signature(function).parameters


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function takes a keyword, by its name or among any others."""
    named = parameters(function)
    return name in named or any(parameter.kind is parameter.VAR_KEYWORD for parameter in named.values())
