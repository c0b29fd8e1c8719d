from __future__ import annotations

from lookalike.building.report import BuildReport


def test_speed_counts_embedded_images_over_the_whole_run():
    assert BuildReport(embedded=30, unchanged=1000, seconds=1.5).images_per_second == 20
    assert BuildReport(embedded=0, seconds=1.5).images_per_second == 0
    assert BuildReport(embedded=3, seconds=0).images_per_second == 0
