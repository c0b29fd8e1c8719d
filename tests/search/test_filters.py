"""Conditions select what SQLite selects by them, and what is no condition is refused in one sentence."""

from __future__ import annotations

import random
import sqlite3
from datetime import datetime

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.gallery.record import Record
from lookalike.search.filters import rows_where
from tests.search.galleries import DIM, empty_gallery

ROWS = [
    {
        "id": f"{folder}/{number}.png",
        "folder": folder,
        "width": width,
        "score": score,
        "sharp": sharp,
        "taken": taken,
        "it's": text,
    }
    for number, (folder, width, score, sharp, taken, text) in enumerate(
        [
            ("cats", 100, 0.5, True, "2024-05-01 12:30:00", "a%b"),
            ("dogs", 2000, 1.0, False, "2023-12-31 23:59:59", "it's"),
            ("Cats", None, None, None, None, None),
            ("cats", -3, 2.5, True, "2024-01-01 00:00:00", "back\\slash"),
            ("ü", 0, -1.0, False, "1999-02-03 04:05:06", ""),
            ("dogs", 2**53 + 1, 0.0, None, "2024-12-01 00:00:00", "CATS"),
        ]
    )
]
SIZE = 7


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = empty_gallery(tmp_path_factory.mktemp("$1 it's"))
    records = [
        Record(
            row["id"],
            f"./{row['id']}",
            digest="d",
            stamp="s",
            size=SIZE,
            attributes={
                name: datetime.fromisoformat(value) if name == "taken" and value else value
                for name, value in row.items()
                if name != "id"
            },
        )
        for row in ROWS
    ]
    store.add(records, np.ones((len(ROWS), DIM), np.float32))
    return store


@pytest.fixture(scope="module")
def sqlite():
    database = sqlite3.connect(":memory:")
    database.execute("pragma case_sensitive_like = on")
    names = ", ".join(f'"{name}"' for name in ROWS[0])
    database.execute(f"create table items ({names}, size)")
    marks = ", ".join("?" * len(ROWS[0]))
    database.executemany(f"insert into items values ({marks}, {SIZE})", [list(row.values()) for row in ROWS])
    yield database
    database.close()


def selected(store, condition):
    return sorted(store.take(rows_where(store, condition), ["id"])["id"].to_pylist())


def by_sqlite(database, condition):
    return sorted(row[0] for row in database.execute(f"select id from items where {condition}"))


@pytest.mark.parametrize(
    "condition",
    [
        *("width > 99", "width >= 100", "width < 0", "width != 100", "width <> 100", "width == 100", "100 < width"),
        *("width > 0.5", "score > 0", "score = 1", "width in (100, 2000)", "width in (100.0, 0.5)", "width = -3"),
        *("width = 9007199254740993", "width < 1e3", "width > 99999999999999999999", "width > .5e1"),
        *("folder = 'cats'", "FOLDER = 'cats'", '"folder" = \'cats\'', "`folder` = 'cats'", "folder = 'ü'"),
        *("folder > 'c'", "folder in ('cats', 'dogs')", "folder not in ('cats')", "id like 'c%' and size = 7"),
        *("folder like '%a%'", "folder not like 'c_ts'", "\"it's\" = 'it''s'", "\"it's\" = ''"),
        *("\"it's\" = 'back\\slash'", "true", "false"),
        *("width is null", "width is not null", "not width is null", "not (width > 0)", "not not width > 0"),
        *("sharp", "not sharp", "sharp = true", "sharp is true", "sharp is not true", "sharp is false"),
        *("taken > '2024-01-01 00:00:00'", "taken = '2024-05-01 12:30:00'", "taken in ('2024-05-01 12:30:00')"),
        *("taken between '2023-12-31 23:59:59' and '2024-05-01 12:30:00'", "taken not between '2000' and '2024-02-01'"),
        *("taken is null or taken < '2000-01-01 00:00:00'", "taken <= taken"),
        *("width between 0 and 100", "width not between 0 and 100.5", "score between -1 and 0"),
        *("width + 1 = 101", "width * 2 - 1 > score", "-width > 0", "- (width + 3) = 0", "width % 7 = 2"),
        *("2 + 3 * 4 = 14", "(2 + 3) * 4 = 20", "score / 2 = 0.25", "1 - 1 - 1 = -1"),
        *("(width > 1 or width < 0) and sharp", "width > 1 or width < 0 and sharp"),
        *("lower(folder) = 'cats'", "upper(folder) = 'DOGS'", "length(id) = 10"),
        *("abs(width) = 3", "round(score) = 1", "length(\"it's\") % 2 = 0", "(((sharp)))", "1 = 1", "folder=folder"),
        *("score / 0 > 1 or sharp", "width % 0 = 0 or sharp", "(1 / (width - width) > 1) is null"),
        *("width>1\nand\tsharp", " sharp ", "'cats' = folder", "width IS NOT NULL AND NOT Sharp"),
    ],
)  # fmt: skip
def test_selects_what_sqlite_selects(store, sqlite, condition):
    assert selected(store, condition) == by_sqlite(sqlite, condition)


@pytest.mark.parametrize(
    ("condition", "same"),
    [
        ("taken > '2024-01-01'", "taken > '2024-01-01 00:00:00'"),
        ("taken >= '2024'", "taken >= '2024-01-01 00:00:00'"),
        ("taken < '2024-5'", "taken < '2024-05-01 00:00:00'"),
        ("taken = '2024-05-01T12:30'", "taken = '2024-05-01 12:30:00'"),
        ("taken = timestamp '2024-05-01 12:30:00.0'", "taken = '2024-05-01 12:30:00'"),
        ("taken > date '2024-01-01'", "taken > '2024-01-01 00:00:00'"),
        ("'2024-01-01' = taken", "taken = '2024-01-01 00:00:00'"),
        ("year(taken) = 2024 and month(taken) > 1", "taken like '2024%' and taken not like '%-01-01 %'"),
        ("day(taken) = 31 or hour(taken) = 12", "taken like '%-31 %' or taken like '% 12:%'"),
        ("folder ilike 'CAT_'", "lower(folder) like 'cat_'"),
        ("width / 200 = 0.5", "width = 100"),  # as fractions, whereas SQLite drops the rest
        ("starts_with(folder, 'd') or ends_with(id, '0.png')", "folder like 'd%' or id like '%0.png'"),
        ("contains(\"it's\", '%')", "\"it's\" like 'a%b'"),
        ("regexp_like(folder, '^[A-Z]')", "folder = 'Cats'"),
        ("regexp_match(folder, '^[A-Z]')", "folder = 'Cats'"),
    ],
)
def test_what_sqlite_writes_otherwise(store, sqlite, condition, same):
    assert selected(store, condition) == by_sqlite(sqlite, same) != []


def test_uris_are_those_of_hits(store):
    folder = store.location.base
    assert selected(store, "uri = '" + f"{folder}/cats/0.png".replace("'", "''") + "'") == ["cats/0.png"]
    assert selected(store, "uri like '%/cats/%' and contains(uri, '$1 it''s')") == ["cats/0.png", "cats/3.png"]
    assert selected(store, "uri like './%'") == []


class Author:
    """Writes random conditions that mean the same to SQLite."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def condition(self, depth: int) -> str:
        kind = self.dice.choice(["and", "or", "not", "leaf"]) if depth else "leaf"
        if kind == "leaf":
            return self.leaf()
        if kind == "not":
            return f"not ({self.condition(depth - 1)})"
        return f" {kind} ".join(
            self.dice.choice(["{}", "({})"]).format(self.condition(depth - 1)) for _ in range(self.dice.randint(2, 3))
        )

    def leaf(self) -> str:
        negation = self.dice.choice(["", "not "])
        sign = self.dice.choice(["=", "<", "<=", ">", ">=", "!="])
        return self.dice.choice(
            [
                f"{self.number()} {sign} {self.number()}",
                f"{self.number()} {negation}in ({self.number()}, {self.number()}, 2000)",
                f"{self.number()} {negation}between {self.number()} and {self.number()}",
                f"folder {negation}in ('cats', 'ü')",
                f"folder {sign} 'dogs'",
                f"id {negation}like '%{self.dice.randint(0, 5)}%'",
                f"taken {sign} '2024-01-01 00:00:00'",
                f"{self.dice.choice(['width', 'taken', 'sharp', 'folder'])} is {negation}null",
                "sharp",
            ]
        )

    def number(self) -> str:
        plain = ["width", "score", "size", "0", "1", "100", "2.5", "-3", "length(folder)", "abs(score)"]
        if self.dice.random() < 0.7:
            return self.dice.choice(plain)
        # no products of columns, whose rounding may differ
        return f"({self.dice.choice(plain)} {self.dice.choice('+-')} {self.dice.choice(plain)})"


@pytest.mark.parametrize("seed", range(60))
def test_random_conditions_select_what_sqlite_selects(store, sqlite, seed):
    condition = Author(seed).condition(3)
    assert selected(store, condition) == by_sqlite(sqlite, condition), condition


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("foldr = 'a'", "there is no attribute 'foldr' (did you mean folder?)"),
        ("nosuch = 1", "there is no attribute 'nosuch'"),
        ("folder = cats", "there is no attribute 'cats' (a text is written in single quotes: 'cats')"),
        ('folder = "cats"', "there is no attribute 'cats' (a text is written in single quotes: 'cats')"),
        *((f"{name} is not null", f"there is no attribute '{name}'") for name in ("embedding", "stamp", "digest")),
        *((f"{name} = 1", f"there is no attribute '{name}'") for name in ("_rowid", "_rowaddr", "thumbnail")),
        ("SELECT 1 FROM t", "it is a statement; write the condition alone, such as width > 1000"),
        ("where width > 3", "it is a statement"),
        ("drop table t", "it is a statement"),
        ("width in (select 1)", "'select' at character 11 is not expected, where a value should be"),
        ("width > 1; drop table t", "';' at character 10 is not expected"),
        ("width > 1 -- and sharp", "'and' at character 14 is not expected, where a value should be"),
        ("width > 1 /* x */", "'*' at character 12 is not expected"),
        ("1=1) or (1=1", "')' at character 4 is not expected"),
        ("width >", "it breaks off at the end, where a value should be"),
        ("width > > 3", "'>' at character 9 is not expected, where a value should be"),
        ("(width > 3", "it breaks off at the end, where ) should be"),
        ("width between 1 or 3", "'or' at character 17 is not expected, where and should be"),
        ("width is 3", "'3' at character 10 is not expected, where null, true or false should be"),
        ("width not 3", "'3' at character 11 is not expected"),
        ("width in 3", "'3' at character 10 is not expected, where ( should be"),
        ("folder = 'a", "the quotation mark ' at character 10 has no other half"),
        ("width > 3cm", "'3' at character 9 is not expected"),
        ("\x00", "'\\x00' at character 1 is not expected"),
        ("", "it breaks off at the end"),
        ("width", "width is a whole number and no condition; compare it with something"),
        ("not folder", "folder is a text and no condition"),
        ("sharp and 1", "1 is a whole number and no condition"),
        ("width > 'a'", "width is a whole number, and 'a' is a text"),
        ("folder = 3", "folder is a text, and 3 is a whole number"),
        ("sharp = 1", "sharp is true or false, and 1 is a whole number"),
        ("taken = 3", "taken is a time, and 3 is a whole number"),
        ("taken = folder", "taken is a time, and folder is a text"),
        ("taken > 'yesterday'", "'yesterday' is no time; write it as '2024-05-01' or '2024-05-01 12:30:00'"),
        ("taken > '2024-02-30'", "'2024-02-30' is no time"),
        ("folder + 1 = 2", "folder is a text, and + - * / % take numbers"),
        ("-folder = 'a'", "folder is a text, and + - * / % take numbers"),
        ("width like '1%'", "like compares a text with a pattern such as 'a%', and width is a whole number"),
        ("folder like id", "like compares a text with a pattern such as 'a%', and id is a text"),
        ("folder = null", "nothing is equal to null ('null' at character 10); write is null or is not null"),
        ("date(taken) > 3", "there is no function 'date' (there are: lower, upper,"),
        ("lenght(folder) = 3", "there is no function 'lenght' (did you mean length?)"),
        ("length(3) = 1", "length takes (a text), not (3: a whole number)"),
        ("length() = 1", "')' at character 8 is not expected"),
        ("lower(folder, id) = 'a'", "lower takes (a text), not (folder: a text, id: a text)"),
        ("(" * 300 + "sharp" + ")" * 300, "it is nested more than 8 deep"),
        ("not " * 300 + "sharp", "it is nested more than 8 deep"),
        ("-" * 300 + "width > 1", "it is nested more than 8 deep"),
        (" + ".join(["width"] * 300) + " > 1", "it has more than 200 values"),
        ("width > 1e400", "1e400 is larger than any number that is stored"),
        ("regexp_like(folder, '(')", "it fails on items of this gallery"),
    ],
)
def test_what_is_no_condition_is_one_sentence(store, condition, words):
    with pytest.raises(InputError) as raised:
        rows_where(store, condition)
    message = str(raised.value)
    shown = condition if len(condition) <= 300 else f"{condition[:300]}…"
    prefix, suffix = f"the condition {shown!r} cannot be used: ", "; the attributes are: id, uri, size, folder, "
    assert message.startswith(prefix)
    reason, _, attributes = message.removeprefix(prefix).partition(suffix)
    assert words in reason
    assert attributes == "width, height, taken, score, sharp, it_s"
    for internal in ("lance", "rust", "Utf8", "embedding vector", "stamp, "):
        assert internal not in message.lower()


@pytest.mark.parametrize(
    ("opening", "core", "closing", "end"),
    [
        ("(", "sharp", ")", ""),
        ("not (", "width / 2 > 1", " or sharp and sharp)", ""),
        ("(", "width > 1", " or width in (1, 2.5) and sharp)", ""),
        ("abs(1 / ", "2", " * width + 3)", " - 1 > 0"),
        ("lower(", "folder", ")", " = ''"),
        ("(-", "width", ")", " > 0.5"),
    ],
)
def test_the_deepest_conditions_are_answered(store, opening, core, closing, end):
    levels = 8 // (2 if opening in ("not (", "(-") else 1)
    rows_where(store, opening * levels + core + closing * levels + end)
    with pytest.raises(InputError, match="nested more than 8 deep"):
        rows_where(store, opening * (levels + 1) + core + closing * (levels + 1) + end)


def test_the_longest_conditions_are_answered(store):
    rows_where(store, " and ".join(["width > 0"] * 100))
    rows_where(store, " + ".join(["width"] * 199) + " > 1")
    many = ", ".join(f"'{number}'" for number in range(20_000))
    assert selected(store, f"folder in ({many}, 'ü')") == ["ü/4.png"]


def test_names_as_the_source_has_them_are_understood(tmp_path):
    store = empty_gallery(tmp_path)
    attributes = {"a.b": 1, "Label": "x", "label": "y", "select": 3, "id": "own"}
    store.add([Record("1", "./1", "d", "s", 1, attributes)], np.ones((1, DIM), np.float32))
    for condition in ('"a.b" = 1', "a_b = 1", "Label = 'x'", "label = 'y'", '"select" = 3', "id_ = 'own'", "id = '1'"):
        assert selected(store, condition) == ["1"]
    with pytest.raises(InputError, match="no attribute 'LABEL'"):
        rows_where(store, "LABEL = 'x'")
