from __future__ import annotations

import random

from lookalike.sources.seen import Seen


def test_it_is_a_set_of_texts():
    seen, plain = Seen(), set()
    numbers = random.Random(1)
    for _ in range(60_000):
        text = f"photos/{numbers.randrange(40_000)}.jpg"
        assert seen.add(text) == (text not in plain)
        plain.add(text)
    assert all((f"photos/{number}.jpg" in seen) == (f"photos/{number}.jpg" in plain) for number in range(41_000))


def test_an_empty_one_holds_nothing():
    assert "" not in Seen()
