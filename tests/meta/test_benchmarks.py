"""A benchmark whose parts could not all be measured says so, rather than pass or break."""

from __future__ import annotations

import sys

from benchmarks.encoders import _rate, _result


def rates(**changed):
    """Return two rounds of every way, with some replaced; ``_`` stands for a blank."""
    found = {
        "notebook, threads: 1": [10.0, 20.0],
        "notebook, threads: 2": [16.0, 10.0],
        "lookalike, f32": [32.0, 30.0],
        "lookalike, bf16": [40.0, 50.0],
        "lookalike, int8": [64.0, 80.0],
        "sentence-transformers": [8.0, 10.0],
    }
    return found | {name.replace("_", ", ", 1).replace("__", ": "): value for name, value in changed.items()}


def rows(result):
    return {row[0]: row[1:] for row in result.tables[0].rows}


def test_ratios_are_to_the_faster_notebook_of_the_round():
    result = _result(rates(), 96)
    assert rows(result)["lookalike, int8"] == [72.0, 4.0, 4.0, 4.0]
    assert rows(result)["lookalike, bf16"] == [45.0, 2.5, 2.5, 2.5]
    assert [(target.value, target.is_met) for target in result.targets] == [(2.5, True), (4.0, True)]
    assert "medians of 2 rounds" in result.tables[0].title


def test_a_way_that_failed_misses_its_target():
    result = _result(rates(lookalike_int8=[64.0, None]), 96)
    assert rows(result)["lookalike, int8"] == [None] * 4
    met, missed = result.targets
    assert met.is_met
    assert not missed.is_met
    assert str(missed) == "lookalike, int8, times the notebook's rate: not measured, wanted at least 3.80: MISSED"


def test_a_notebook_that_failed_leaves_the_other_to_compare_with():
    result = _result(rates(**{"notebook_threads__2": [None, None]}), 96)
    assert rows(result)["lookalike, bf16"] == [45.0, 3.25, 2.5, 4.0]


def test_without_a_notebook_there_are_rates_and_no_ratios():
    failed = {"notebook_threads__1": [None, None], "notebook_threads__2": [None, None]}
    result = _result(rates(**failed), 96)
    assert rows(result)["lookalike, bf16"] == [45.0, None, None, None]
    assert not any(target.is_met for target in result.targets)


def test_a_process_that_fails_silently_is_not_measured(capsys):
    assert _rate([sys.executable, "-c", "raise SystemExit(3)"], "odd") is None
    assert "odd was not measured" in capsys.readouterr().err
