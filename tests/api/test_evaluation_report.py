from __future__ import annotations

import pytest

import lookalike
from lookalike.api.evaluation_report import MOST_IN_MATRIX, confused_names, confused_pairs, reading, report_of, shown
from lookalike.exports.report_page import Matrix, Table
from tests.building.sources import MemorySource
from tests.toys import ToyEncoder, png


@pytest.fixture
def evaluated(tmp_path):
    def make(labels, **options):
        source = MemorySource(
            {str(seed): png(seed) for seed in range(3 * labels)},
            {str(seed): {"label": f"label {seed % labels}"} for seed in range(3 * labels)},
        )
        gallery = lookalike.open(tmp_path / "gallery", encoder=ToyEncoder())
        gallery.add(source)
        return gallery.evaluate(**options)

    return make


def test_few_labels_are_confused_in_a_matrix(evaluated):
    found = evaluated(4)
    (matrix,) = [part for part in report_of(found).parts if isinstance(part, Matrix)]
    assert matrix.names == [f"label {number}" for number in range(4)]
    assert sum(sum(row.values()) for row in matrix.counts.values()) == 12
    facts = report_of(found).facts
    assert facts["Encoder"] == "toy (average pooling, f32, 12-d)"
    assert "Left out" not in facts


def test_many_labels_are_listed_by_how_often_they_are_confused(evaluated):
    found = evaluated(MOST_IN_MATRIX + 5)
    parts = report_of(found).parts
    assert not any(isinstance(part, Matrix) for part in parts)
    confusion = next(part for part in parts if part.heading == "Confusion")
    pairs = confused_pairs(found)
    assert [list(row[:2]) for row in confusion.rows] == [[asked, other] for asked, other, _ in pairs[:30]]
    assert [count for *_, count in pairs] == sorted((count for *_, count in pairs), reverse=True)
    assert all(asked != other and found.confusion[asked][other] == count for asked, other, count in pairs)
    assert set(confused_names(found)) >= found.confusion.keys()


def test_copies_are_told_by_recall_and_mrr(evaluated):
    found = evaluated(2, label_from="none", k=[1, 3])
    assert [str(measure) for measure in shown(found)] == ["recall@1", "recall@3", "MRR"]
    overall, by_change = [part for part in report_of(found).parts if isinstance(part, Table)]
    assert [row[0] for row in overall.rows] == ["recall@1", "recall@3", "MRR"]
    assert by_change.columns == ["change", "copies", "recall@1", "recall@3", "MRR"]
    assert "changed copy" in reading(found)
    assert "17% at rank 1" in reading(found)
