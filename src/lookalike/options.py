"""Choices written as text: ``name:argument,option=value``.

Items are separated by commas outside of parentheses; those with an equals sign are options, the others arguments. So
``lsh:bits=8,tables=10`` has two options, ``pca:128,whiten`` two arguments, and a factory string of FAISS,
``faiss:IVF256(HNSW32,Flat),PQ64x4fs,nprobe=8``, keeps its parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lookalike.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Choice:
    """A name with what was said about it."""

    name: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        items = [*self.arguments, *(f"{name}={value}" for name, value in self.options.items())]
        return f"{self.name}:{','.join(items)}" if items else self.name


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that each search may be given."""

    default: float
    at_least: float = 1
    is_whole: bool = True

    def checked(self, name: str, value: Any) -> float:
        """Return the value as a number.

        Raises
        ------
        InputError : if it is none, or too small.
        """
        kind = "a whole number" if self.is_whole else "a number"
        number = _number(value)
        if number is None or number < self.at_least or (self.is_whole and not number.is_integer()):
            msg = f"{name} must be {kind} of at least {self.at_least:g}, got {value!r}"
            raise InputError(msg)
        return int(number) if self.is_whole else number


def parse_choice(text: str) -> Choice:
    """Take a choice apart.

    Raises
    ------
    InputError : if there is no name, an item is empty, or an option stands twice.

    Examples
    --------
    >>> parse_choice("lsh:bits=8,tables=10").options["tables"]
    '10'
    >>> parse_choice("faiss:IVF256(HNSW32,Flat),PQ64x4fs").arguments
    ('IVF256(HNSW32,Flat)', 'PQ64x4fs')
    """
    name, colon, rest = text.strip().partition(":")
    name = name.strip()
    if not name:
        msg = f"{text!r} names nothing; write NAME, NAME:ARGUMENT or NAME:OPTION=VALUE"
        raise InputError(msg)
    arguments: list[str] = []
    options: dict[str, str] = {}
    for item in _items(rest) if colon else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if not key or (equals and not value):
            msg = f"{text!r} has an empty item; write NAME:ARGUMENT,OPTION=VALUE without stray commas"
            raise InputError(msg)
        if not equals:
            arguments.append(key)
        elif key in options:
            msg = f"{text!r} says {key} twice; keep one"
            raise InputError(msg)
        else:
            options[key] = value
    return Choice(name, tuple(arguments), options)


class Options:
    """Reads the options of one choice, each by its type, and refuses those that nobody asked for."""

    def __init__(self, choice: Choice) -> None:
        self.name = choice.name
        self.arguments = choice.arguments
        self.given = frozenset(choice.options)
        """The names that were given."""
        self._given = dict(choice.options)
        self._known: list[str] = []

    def whole(self, name: str, default: int, *, at_least: int = 1, at_most: int | None = None) -> int:
        """Return an option that is a whole number.

        Raises
        ------
        InputError : if it is none, or out of range.
        """
        value = self._take(name)
        if value is None:
            return default
        number = _number(value)
        if number is None or not number.is_integer() or number < at_least or (at_most or number) < number:
            bounds = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
            msg = f"{self.name}: {name} must be a whole number {bounds}, got {value!r}"
            raise InputError(msg)
        return int(number)

    def number(self, name: str, default: float, *, above: float) -> float:
        """Return an option that is a number larger than ``above``.

        Raises
        ------
        InputError : if it is not.
        """
        value = self._take(name)
        if value is None:
            return default
        number = _number(value)
        if number is None or number <= above:
            msg = f"{self.name}: {name} must be a number above {above:g}, got {value!r}"
            raise InputError(msg)
        return number

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return an option that is one of a few words; the first of them where it is not given.

        Raises
        ------
        InputError : if it is another word.
        """
        value = self._take(name)
        if value is None:
            return allowed[0]
        if value not in allowed:
            msg = f"{self.name}: {name} must be {' or '.join(allowed)}, got {value!r}"
            raise InputError(msg)
        return value

    def parameter(self, name: str, parameter: Parameter) -> Parameter:
        """Return the parameter of searches with the default that was chosen.

        Raises
        ------
        InputError : if that default is not possible.
        """
        value = self._take(name)
        if value is None:
            return parameter
        chosen = parameter.checked(f"{self.name}: {name}", value)
        return Parameter(chosen, parameter.at_least, parameter.is_whole)

    def refuse_arguments(self) -> None:
        """Refuse what was said without a name.

        Raises
        ------
        InputError : if there is any.
        """
        if self.arguments:
            msg = f"{self.name} takes options, as in {self.name}:NAME=VALUE, and no {self.arguments[0]!r}"
            raise InputError(msg)

    def refuse_others(self) -> None:
        """Refuse the options that were not asked for until now.

        Raises
        ------
        UnknownNameError : if there is any.
        """
        for name in self._given:
            kind = f"option of {self.name!r}"
            raise UnknownNameError(kind, name, self._known)

    def _take(self, name: str) -> str | None:
        self._known.append(name)
        return self._given.pop(name, None)


def _items(text: str) -> Iterator[str]:
    depth = start = 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None
