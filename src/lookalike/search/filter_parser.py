"""The grammar of conditions, by recursive descent."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from lookalike.gallery.record import column_name
from lookalike.search.filter_functions import call
from lookalike.search.filter_tokens import FilterError, Token, tokens_of
from lookalike.search.filter_values import NUMBERS, Kind, Value, as_fraction, as_time, comparable, number, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPARISONS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_STATEMENTS = frozenset({"select", "insert", "update", "delete", "drop", "alter", "create", "with", "where"})
_RESERVED = _STATEMENTS | {"and", "or", "not", "is", "in", "like", "ilike", "between", "null", "from"}
_SQL = {Kind.WHOLE: "bigint", Kind.FRACTION: "double"}
_DEEPEST = 8
_MOST_VALUES = 200
"""Outside of lists; the table's own planner overflows its stack at some more."""


class Parser:
    """Reads one condition.

    Parameters
    ----------
    condition : as the user wrote it.
    columns : those that it may name.
    """

    def __init__(self, condition: str, columns: Mapping[str, Value]) -> None:
        self._tokens = list(tokens_of(condition))
        self._columns = columns
        self._next = 0
        self._depth = 0
        self._values = 0

    def compiled(self) -> str:
        """Return the condition as the table reads it.

        Raises
        ------
        FilterError : if it is no condition over these columns.
        """
        if self._at("word", *_STATEMENTS):
            msg = "it is a statement; write the condition alone, such as width > 1000"
            raise FilterError(msg)
        value = _truth(self._either())
        if not self._at("end"):
            self._unexpected()
        return value.sql

    def _either(self) -> Value:
        return self._chain(self._both, "or")

    def _both(self) -> Value:
        return self._chain(self._negated, "and")

    def _chain(self, part: Callable[[], Value], word: str) -> Value:
        parts = [part()]
        while self._take("word", word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        joined = f" {word} ".join(_truth(value).sql for value in parts)
        return Value(f"({joined})", Kind.TRUTH, f"the part with {word}")

    def _negated(self) -> Value:
        if self._take("word", "not"):
            with_not = _truth(self._deeper(self._negated))
            return Value(f"(not {with_not.sql})", Kind.TRUTH, "the part with not")
        return self._predicate()

    def _predicate(self) -> Value:
        value = self._sum()
        if self._at("sign", *_COMPARISONS):
            sign = _COMPARISONS[self._advance().value]
            left, right = comparable(value, self._sum())
            return _found(f"({left.sql} {sign} {right.sql})")
        if self._take("word", "is"):
            return self._is(value)
        negation = "not " if self._take("word", "not") else ""
        for word, read in (("in", self._in), ("between", self._between), ("like", self._like), ("ilike", self._like)):
            if self._take("word", word):
                return _found(f"({negation}{read(value, word)})")
        if negation:
            self._unexpected()
        return value

    def _is(self, value: Value) -> Value:
        negation = "not " if self._take("word", "not") else ""
        if not self._at("word", "null", "true", "false"):
            self._unexpected("null, true or false")
        what = self._advance().value
        return _found(f"({(value if what == 'null' else _truth(value)).sql} is {negation}{what})")

    def _in(self, value: Value, _: str) -> str:
        self._expect("(")
        members = [self._member(value)]
        while self._take("sign", ","):
            members.append(self._member(value))
        self._expect(")")
        if any(member.kind is Kind.FRACTION for member in members):
            value, members = as_fraction(value), [as_fraction(member) for member in members]
        return f"{value.sql} in ({', '.join(member.sql for member in members)})"

    def _member(self, value: Value) -> Value:
        self._values -= 1  # a list may be long
        return comparable(value, self._sum())[1]

    def _between(self, value: Value, _: str) -> str:
        lowest = comparable(value, self._sum())
        if not self._take("word", "and"):
            self._unexpected("and")
        highest = comparable(value, self._sum())
        return f"({lowest[0].sql} >= {lowest[1].sql} and {highest[0].sql} <= {highest[1].sql})"

    def _like(self, value: Value, word: str) -> str:
        pattern = self._sum()
        if value.kind is not Kind.TEXT or pattern.literal is None or pattern.kind is not Kind.TEXT:
            wrong = value if value.kind is not Kind.TEXT else pattern
            msg = f"{word} compares a text with a pattern such as 'a%', and {wrong.shown} is {wrong.kind.value}"
            raise FilterError(msg)
        return f"{value.sql} {word} {pattern.sql}"

    def _sum(self) -> Value:
        return self._arithmetic(self._product, "+", "-")

    def _product(self) -> Value:
        return self._arithmetic(self._signed, "*", "/", "%")

    def _arithmetic(self, part: Callable[[], Value], *signs: str) -> Value:
        first = left = part()
        while self._at("sign", *signs):
            sign = self._advance().value
            left, right = _number(left), _number(part())
            if sign == "/" or left.kind is not right.kind:
                left, right = as_fraction(left), as_fraction(right)
            # by zero there is no value, as in other databases; the table's own would be infinite, or an error
            by = right.sql if sign in "+-*" else f"nullif({right.sql}, cast(0 as {_SQL[right.kind]}))"
            left = Value(f"{left.sql} {sign} {by}", left.kind, f"{left.shown} {sign} {right.shown}")
        return left if left is first else replace(left, sql=f"({left.sql})")

    def _signed(self) -> Value:
        if not self._take("sign", "-"):
            return self._single()
        value = _number(self._deeper(self._signed))
        literal = None if value.literal is None else f"-{value.literal}"
        sql = f"(0 - {value.sql})" if literal is None else f"-{value.sql}"
        return replace(value, sql=sql, shown=f"-{value.shown}", literal=literal)

    def _single(self) -> Value:
        self._values += 1
        if self._values > _MOST_VALUES:
            msg = f"it has more than {_MOST_VALUES} values; list them with in (...), or search several times"
            raise FilterError(msg)
        if self._take("sign", "("):
            value = self._deeper(self._either)
            self._expect(")")
            return value
        return self._named_or_written()

    def _named_or_written(self) -> Value:
        token = self._advance()
        if token.kind == "number":
            return number(token.value)
        if token.kind == "text":
            return text(token.value)
        if token.kind == "name":
            return self._column(token)
        if token.kind == "word" and token.value not in _RESERVED:
            return self._word(token)
        if token.kind == "word" and token.value == "null":
            msg = f"nothing is equal to null ({token}); write is null or is not null"
            raise FilterError(msg)
        self._next -= 1
        return self._unexpected("a value")

    def _word(self, token: Token) -> Value:
        if token.value in ("true", "false"):
            return Value(token.value, Kind.TRUTH, token.value)
        if token.value in ("timestamp", "date") and self._at("text"):
            return as_time(text(self._advance().value))
        if not self._take("sign", "("):
            return self._column(token)
        arguments = [self._deeper(self._either)]
        while self._take("sign", ","):
            arguments.append(self._deeper(self._either))
        self._expect(")")
        return call(token.written, arguments)

    def _column(self, token: Token) -> Value:
        name = token.value if token.kind == "name" else token.written
        alike = [known for known in self._columns if known.lower() == name.lower()]
        for known in (name, column_name(name), *(alike if len(alike) == 1 else ())):
            if known in self._columns:
                return self._columns[known]
        close = difflib.get_close_matches(name, self._columns, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        before = self._tokens[self._next - 2]
        if not close and before.kind == "sign" and before.place < token.place:
            hint = f" (a text is written in single quotes: '{name}')"
        msg = f"there is no attribute {name!r}{hint}"
        raise FilterError(msg)

    def _deeper(self, part: Callable[[], Value]) -> Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            msg = f"it is nested more than {_DEEPEST} deep"
            raise FilterError(msg)
        value = part()
        self._depth -= 1
        return value

    def _at(self, kind: str, *values: str) -> bool:
        token = self._tokens[self._next]
        return token.kind == kind and (not values or token.value in values)

    def _take(self, kind: str, value: str) -> bool:
        found = self._at(kind, value)
        self._next += found
        return found

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _expect(self, sign: str) -> None:
        if not self._take("sign", sign):
            self._unexpected(sign)

    def _unexpected(self, wanted: str = "") -> NoReturn:
        token = self._tokens[self._next]
        problem = f"it breaks off at {token}" if token.kind == "end" else f"{token} is not expected"
        raise FilterError(f"{problem}, where {wanted} should be" if wanted else problem)


def _found(sql: str) -> Value:
    return Value(sql, Kind.TRUTH, "a comparison")


def _truth(value: Value) -> Value:
    if value.kind is not Kind.TRUTH:
        msg = f"{value.shown} is {value.kind.value} and no condition; compare it with something"
        raise FilterError(msg)
    return value


def _number(value: Value) -> Value:
    if value.kind not in NUMBERS:
        msg = f"{value.shown} is {value.kind.value}, and + - * / % take numbers"
        raise FilterError(msg)
    return value
