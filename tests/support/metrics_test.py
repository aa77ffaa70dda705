"""The metrics parser reads what Prometheus reads and refuses what it refuses."""

import pytest

from support import metrics

TEXT = """# HELP phrases_total Phrases by what became of them.
# TYPE phrases_total counter
phrases_total{stream_id="a",state="dubbed"} 3
phrases_total{stream_id="a",state="passthrough"} 1
phrases_total{stream_id="b",state="dubbed"} 5
# HELP rtt_ms Round trip.
# TYPE rtt_ms histogram
rtt_ms_bucket{le="50"} 2
rtt_ms_bucket{le="+Inf"} 4
rtt_ms_sum 210.5
rtt_ms_count 4
"""


def test_families_have_help_type_and_samples():
    families = metrics.parse(TEXT)
    assert set(families) == {"phrases_total", "rtt_ms"}
    assert families["rtt_ms"].type == "histogram" and len(families["rtt_ms"].samples) == 4


def test_values_are_summed_over_the_labels_left_open():
    assert metrics.value(TEXT, "phrases_total", state="dubbed") == 8
    assert metrics.value(TEXT, "phrases_total", state="dubbed", stream_id="a") == 3
    assert metrics.value(TEXT, "rtt_ms_count") == 4
    assert metrics.value(TEXT, "unknown") == 0


def test_escapes_in_labels_are_read():
    assert metrics.value('x{a="say \\"hi\\", {you}"} 1\n', "x") == 1


@pytest.mark.parametrize("line", ["no number", 'x{a=b} 1', "x{} one", "x 1\nx 1"])
def test_what_is_not_the_format_is_refused(line):
    with pytest.raises(metrics.BadMetrics):
        metrics.parse(line)
