"""Traces of annotation tools, from files spelled out as the tools write them, and their resampling by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoseq.labels.resampling import ResamplingOptions, filter_low_pass, is_irregular, looks_event_driven, resample
from emoseq.labels.trace_formats import parse, recognise_format
from emoseq.labels.traces import FORMATS, TraceOptions, find_values_outside, scale_values

FIXTURES = Path(__file__).parent / "fixtures"
NAN = np.nan

# The first rows of both participants stand together, as the server receives them.
PAGAN = """\
OriginalName,DatabaseName,Participant,ExternalPID,SessionID,Timestamp,VideoTime,Value
talk.mp4,5f1_talk.mp4,P1,,S1,1600000000000,0,0
talk.mp4,5f1_talk.mp4,P2,,S2,1600000100000,0,0
talk.mp4,5f1_talk.mp4,P1,,S1,1600000001200,1200,10
talk.mp4,5f1_talk.mp4,P1,,S1,1600000003000,3000,-100
talk.mp4,5f1_talk.mp4,P2,,S2,1600000102500,2500,50
walk.v2.mp4,77a_walk.v2.mp4,P1,,S1,1600000200000,40,100
"""
CARMA = """\
"Time of Rating","27-Nov-2017 10:15:00"
"Multimedia File","talk.mp4"
"Lower Label","very negative"
"Upper Label","very positive"
"Minimum Value","-4"
"Maximum Value","4"
"Number of Steps","9"
"Second","Rating"
"%%%%%%","%%%%%%"
"1","0"
"2","2.5"
"4","-4"
"""
# CARMA since 2019: the first row has the events, numbers are bare, a bin without ratings is NaN.
CARMA_2019 = """\
"media_start; media_end","2020/01/01 10:00:00:000; 2020/01/01 10:01:00:000"
"Multimedia File","talk.mp4"
"Lower Label","low"
"Upper Label","high"
"Minimum Value",0
"Maximum Value",100
"Number of Steps",9
"Second","Rating"
"%%%%%%","%%%%%%"
0.5,50
1,NaN
1.5,75
"""
# Nine lines of metadata, here CARMA's; times in any number of decimals, one of them twice.
MSP_CONVERSATION = """\
"Time of Rating","05-Feb-2019 10:15:00"
"Multimedia File","MSP-Conversation_0079_1.wav"
"Lower Label","very negative"
"Upper Label","very positive"
"Minimum Value","-100"
"Maximum Value","100"
"Number of Steps","9"
"Second","Rating"
"%%%%%%","%%%%%%"
0.017,0
0.034,-12.5
0.034,-13
0.9,100
"""
DARMA = """\
"Time of Rating","2021-03-04 12:00:00","",""
"Multimedia File","talk.mp4",6.04,""
"Magnitude",1000,"",""
"Second","Valence","Arousal","Button"
"%%%%%%","%%%%%%","%%%%%%","%%%%%%"
1,0,-250,0
2,500,1000,1
3,"","",""
4,-1000,0,0
"""
MUSE_RAW = "timestamp,1,2,3\n0.0,0.1,0.2,\n0.5,0.2,0.2,0.3\n1.0,-1,0.2,0.3\n"
MUSE_PROCESSED = "Time,value\n0,0.25\n250,0.5\n500,-0.125\n"
MUSE_SEGMENTS = "timestamp,value,segment_id\n0,0.25,1\n250,0.5,1\n1500,-0.125,2\n"
TABLE = "time;FM1 ;FF1\n0.00;0.0;0.1\n0.04;0.5;\n0.08;-1;0.3\n"


def read(name, content, **options):
    parsed = parse(name, content, **options)
    assert parsed.faults == []
    return parsed.traces


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


def test_pagan_groups_rows_by_recording_and_participant():
    first, second, third = read("pagan", PAGAN)
    assert [(t.recording, t.rater, t.dimension) for t in (first, second, third)] == [
        ("talk", "P1", ""),
        ("talk", "P2", ""),
        ("walk.v2", "P1", ""),
    ]
    assert_close(first.times, [0, 1.2, 3])
    assert_close(first.values, [0, 10, -100])
    assert first.lines.tolist() == [2, 4, 5]
    assert_close(second.times, [0, 2.5])
    assert (first.low, first.high, first.event_driven) == (-100, 100, True)


def test_the_later_of_two_events_at_one_time_counts():
    (trace,) = read("pagan", PAGAN.splitlines()[0] + "\na.mp4,x,P,,S,1,0,0\na.mp4,x,P,,S,2,40,7\na.mp4,x,P,,S,3,40,9\n")
    assert_close(trace.values, [0, 9])


def test_two_sessions_of_one_participant_are_a_fault():
    content = PAGAN + "talk.mp4,5f1_talk.mp4,P2,,S9,1600000300000,0,0\n"
    (fault,) = parse("pagan", content).faults
    assert fault.line == 8
    assert "P2" in fault.message
    assert "S2" in fault.message
    assert "S9" in fault.message


def test_carma_has_its_scale_in_the_header_and_may_lack_bins():
    (trace,) = read("carma", CARMA)
    assert_close(trace.times, [1, 2, 4])
    assert_close(trace.values, [0, 2.5, -4])
    assert (trace.low, trace.high, trace.event_driven) == (-4, 4, False)
    assert trace.lines.tolist() == [10, 11, 12]


def test_msp_conversation_has_nine_lines_before_the_first_rating():
    (trace,) = read("msp-conversation", MSP_CONVERSATION)
    assert_close(trace.times, [0.017, 0.034, 0.034, 0.9])
    assert_close(trace.values, [0, -12.5, -13, 100])
    assert trace.lines.tolist() == [10, 11, 12, 13]
    assert (trace.low, trace.high, trace.event_driven) == (-100, 100, False)


def test_msp_conversation_may_have_a_third_column():
    (trace,) = read("msp-conversation", MSP_CONVERSATION.replace("0.9,100", "0.9,100,7"))
    assert trace.values[-1] == 100


def test_carma_of_2019_writes_bins_without_ratings_as_nan():
    (trace,) = read("carma", CARMA_2019)
    assert_close(trace.times, [0.5, 1, 1.5])
    assert_close(trace.values, [50, NAN, 75])
    assert (trace.low, trace.high) == (0, 100)


def test_darma_has_two_dimensions_and_its_magnitude():
    valence, arousal = read("darma", DARMA)
    assert (valence.dimension, arousal.dimension) == ("valence", "arousal")
    assert_close(valence.times, [1, 2, 3, 4])
    assert_close(valence.values, [0, 500, NAN, -1000])
    assert_close(arousal.values, [-250, 1000, NAN, 0])
    assert (arousal.low, arousal.high) == (-1000, 1000)


def test_muse_raw_is_in_seconds_with_a_column_a_rater():
    traces = read("muse", MUSE_RAW)
    assert [trace.rater for trace in traces] == ["1", "2", "3"]
    assert_close(traces[0].times, [0, 0.5, 1])
    assert_close(traces[2].values, [NAN, 0.3, 0.3])
    assert traces[0].low is None


@pytest.mark.parametrize(("content", "last"), [(MUSE_PROCESSED, 0.5), (MUSE_SEGMENTS, 1.5)])
def test_muse_processed_is_in_milliseconds(content, last):
    (trace,) = read("muse", content)
    assert_close(trace.times, [0, 0.25, last])
    assert_close(trace.values, [0.25, 0.5, -0.125])


@pytest.mark.parametrize("name", ["ascii", "binary"])
def test_nova_reads_what_its_own_package_wrote(name):
    """hcai-discover-utils 1.2.1 wrote the files: 50 samples at 25 Hz of 0.5 + 0.5 sin(k / 8), rounded to 2 decimals,
    sample 10 NaN, confidence 1, scheme `arousal` from 0 to 1, annotator `gold`
    (`_AnnotationFileHandler().save(ContinuousAnnotation(...), path, SSIFileType.ASCII or BINARY)`). It reads the same
    scores back, and takes 2000 ms for their duration.
    """
    header = (FIXTURES / f"nova_{name}.annotation").read_bytes()
    samples = (FIXTURES / f"nova_{name}.annotation~").read_bytes()
    assert recognise_format(header) == "nova"
    (trace,) = read("nova", header, samples=samples)
    expected = np.round(0.5 + 0.5 * np.sin(np.arange(50) / 8), 2)
    expected[10] = NAN
    np.testing.assert_allclose(trace.values, expected, atol=1e-7)
    assert trace.times[0] == pytest.approx(0.04)
    assert trace.times[-1] == pytest.approx(2.0)
    assert (trace.rater, trace.dimension, trace.low, trace.high) == ("gold", "arousal", 0, 1)


NOVA = (
    '<annotation ssi-v="3"><info ftype="{}" size="2"/><meta annotator="anna"/><scheme name="Valence" {}/></annotation>'
)
CONTINUOUS = 'type="CONTINUOUS" sr="2" min="0" max="1"'


@pytest.mark.parametrize(
    ("header", "samples", "part"),
    [
        (NOVA.format("ASCII", CONTINUOUS), None, "with ~ at its end is missing"),
        (NOVA.format("ASCII", CONTINUOUS), b"0.5;1\n", "announces 2 samples and the ~ file has 1"),
        (NOVA.format("ASCII", CONTINUOUS), b"0.5;1\n0.5\n", "score;confidence is expected"),
        (NOVA.format("ASCII", CONTINUOUS), b"0.5;1\ninf;1\n", "is 'inf'"),
        (NOVA.format("BINARY", CONTINUOUS), b"1234567", "7 bytes"),
        (NOVA.format("LZ4", CONTINUOUS), b"", "ftype is LZ4"),
        (NOVA.format("ASCII", 'type="DISCRETE"'), b"", "only CONTINUOUS"),
        (NOVA.format("ASCII", CONTINUOUS.replace('"2"', '"0"')), b"1;1\n1;1\n", "sr is 0"),
        (NOVA.format("ASCII", CONTINUOUS.replace('min="0"', 'min="2"')), b"1;1\n1;1\n", "min 2 is not below"),
        ("<annotation", b"", "not the XML"),
    ],
)
def test_faults_of_nova(header, samples, part):
    faults = parse("nova", header, samples=samples).faults
    assert len(faults) == 1
    assert part in faults[0].message


def test_a_table_has_a_column_a_rater_and_unrated_rows():
    first, second = read("csv", TABLE)
    assert (first.rater, second.rater) == ("FM1", "FF1")
    assert_close(first.times, [0, 0.04, 0.08])
    assert_close(first.values, [0, 0.5, -1])
    assert_close(second.values, [0.1, NAN, 0.3])
    assert not first.event_driven


@pytest.mark.parametrize("unrated", ["", "NaN", "nan", "NA", " "])
def test_an_unrated_row_is_empty_nan_or_na(unrated):
    (trace,) = read("csv", f"time,anna\n0.5,0.1\n1.0,{unrated}\n1.5,0.2\n")
    assert_close(trace.values, [0.1, NAN, 0.2])


@pytest.mark.parametrize("header", ["time,anna", "Time;anna", "timestamp\tanna", "Seconds,anna", '"Time (s)","anna"'])
def test_separators_and_names_of_the_time_in_seconds(header):
    separator = next(mark for mark in ";\t," if mark in header)
    (trace,) = read("csv", f"\ufeff{header}\r\n1{separator}0.5\r\n2{separator}0.75\r\n".encode())
    assert_close(trace.times, [1, 2])
    assert trace.rater == "anna"


@pytest.mark.parametrize("header", ["Time(ms)", "time_ms", "Time [ms]", "milliseconds"])
def test_names_of_the_time_in_milliseconds(header):
    (trace,) = read("csv", f"{header},anna\n40,0.5\n80,0.75\n", duration=0.08)
    assert_close(trace.times, [0.04, 0.08])


def test_times_far_beyond_the_recording_are_milliseconds():
    content = "Time,value\n0,0.1\n2000,0.2\n4000,0.1\n"
    assert_close(read("csv", content, duration=4.0)[0].times, [0, 2, 4])
    assert_close(read("csv", content, duration=3990.0)[0].times, [0, 2000, 4000])
    assert_close(read("csv", "time,a\n100,0\n103,0.5\n", duration=4.0)[0].times, [100, 103])  # a part's, of its audio


def test_a_rater_without_any_rating_is_no_trace():
    (trace,) = read("csv", "time,anna,ben\n0,0.1,\n1,0.2,\n")
    assert trace.rater == "anna"
    (trace,) = read("darma", "\n".join([*DARMA.splitlines()[:5], '1,"",5,0', '2,"",7,0']))
    assert trace.dimension == "arousal"


FAULTS = {
    "text": ("time,a\n0,0\n1,high\n", 3, "a is 'high'"),
    "underscore": ("time,a\n0,0\n1,0_1\n", 3, "a is '0_1'"),
    "infinite": ("time,a\n0,0\n1,inf\n", 3, "a is 'inf'"),
    "decimal comma": ("time;a\n0;0\n1;0,5\n", 3, "decimal point"),
    "time": ("time,a\nnan,0\n1,0\n", 2, "the time is 'nan'"),
    "back": ("time,a\n0,0\n2,0\n1,0\n", 4, "the time goes back (1 s after 2 s)"),
    "negative": ("time,a\n-2,0\n-1,0\n0,0\n", 2, "the time is negative (-2 s); let times count from the beginning"),
    "duplicate": ("time,a\n0,0\n1,0\n1,0.5\n", 4, "the time comes twice (1 s)"),
    "columns": ("time,a,a\n0,0,0\n", 1, "two columns are named a"),
    "fields": ("time,a\n0,0\n1\n", 3, "1 field(s), where the header has 2"),
    "nameless": ("time,a,\n0,0,0\n", 1, "column 3 has no name"),
    "header": ("0,0.5\n1,0.25\n", 1, "the first column is 0;"),
    "lone time": ("time\n0\n", 1, "no column beside the time"),
    "empty": ("", 1, "the file is empty"),
    "unrated": ("time,a\n0,\n1,\n", 0, "there is no rating"),
    "encoding": (b"time,a\n0,0\n1,\xe9\n", 3, "not UTF-8"),
    "quote": ('time,a\n0,"' + "x" * 140000, 2, "field(s)"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_of_a_table(kind):
    content, line, part = FAULTS[kind]
    (fault,) = parse("csv", content).faults
    assert fault.line == line
    assert part in fault.message


def test_all_kinds_of_faults_are_reported_each_with_its_first_line():
    content = "time,a,a\n0,0,0\n1,inf,0\n2,x,0\n2,0,0\n1,0,0\n3,0\n"
    faults = parse("csv", content).faults
    assert sorted(fault.line for fault in faults) == [1, 3, 6, 7]
    assert any("2 lines in all" in fault.message and fault.line == 3 for fault in faults)


@pytest.mark.parametrize(
    ("name", "content", "line", "part"),
    [
        ("pagan", PAGAN.replace(",VideoTime", ",Video"), 1, "column videotime is missing"),
        ("pagan", PAGAN.replace(",10\n", ",ten\n"), 4, "Value is 'ten'"),
        ("pagan", PAGAN.replace("1200,10", "3200,10"), 5, "participant P1: the time goes back"),
        ("pagan", PAGAN.replace("1600000000000,0,0", "1600000000000,-40,0"), 2, "participant P1: the time is negative"),
        ("pagan", PAGAN.replace("P2,,S2,1600000102500", ",,S2,1600000102500"), 6, "Participant is empty"),
        (
            "msp-conversation",
            MSP_CONVERSATION.replace('"Number of Steps","9"\n', ""),
            9,
            "the first 9 lines must be metadata",
        ),
        ("msp-conversation", MSP_CONVERSATION[:200], 0, "9 of metadata, then one per rating, are expected"),
        (
            "msp-conversation",
            MSP_CONVERSATION.replace("0.9,", "0.03,"),
            13,
            "the time goes back (0.03 s after 0.034 s)",
        ),
        ("msp-conversation", MSP_CONVERSATION.replace("0.9,", "0:00,"), 13, "the time is '0:00'; a number"),
        ("msp-conversation", MSP_CONVERSATION.replace(",100\n", ",high\n"), 13, "the rating is 'high'; a number"),
        ("carma", CARMA.replace('"Second","Rating"\n', ""), 1, "row Second,Rating is missing"),
        ("carma", CARMA.replace('"Maximum Value","4"\n', ""), 0, "row Maximum Value is missing"),
        ("carma", CARMA.replace('"Maximum Value","4"', '"Maximum Value","-9"'), 6, "is not above"),
        ("carma", CARMA.replace('"Minimum Value","-4"', '"Minimum Value",""'), 5, "Minimum Value is not a number"),
        ("darma", DARMA.replace('"Magnitude",1000', '"Magnitude",0'), 3, "a positive number"),
        ("darma", DARMA.replace("2,500", "1,500"), 7, "the time comes twice"),
        ("darma", DARMA.replace(',"Button"', ""), 4, "Second,<x>,<y>,Button is expected"),
        ("muse", "timestamp,anna\n0,0\n", 1, "timestamp,1,2,... (raw)"),
    ],
)
def test_faults_of_the_tools(name, content, line, part):
    (fault,) = parse(name, content).faults
    assert fault.line == line
    assert part in fault.message


def test_a_rating_outside_the_scale_is_named_with_its_line():
    (trace,) = read("carma", CARMA.replace('"4","-4"', '"4","-4.5"'))
    fault = find_values_outside(trace, trace.low, trace.high)
    assert fault.line == 12
    assert "-4.5" in fault.message
    assert find_values_outside(trace, -5, 5) is None


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.floats(0, 1))
def test_the_ends_of_the_scale_become_minus_one_and_one(low, width, share):
    high = low + width
    values = scale_values(np.array([low, low + share * (high - low), high, NAN]), low, high)
    np.testing.assert_allclose(values, [-1, 2 * share - 1, 1, NAN], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PAGAN, "pagan"),
        (CARMA, "carma"),
        (CARMA_2019, "carma"),
        (DARMA, "darma"),
        (MUSE_RAW, "muse"),
        (MUSE_SEGMENTS, "muse"),
        (MUSE_PROCESSED, "csv"),
        (TABLE, "csv"),
        (NOVA.format("ASCII", CONTINUOUS), "nova"),
        ("\ufefftime,anna\n0,0\n", "csv"),
    ],
)
def test_formats_are_recognised_by_content(content, name):
    assert recognise_format(content.encode()) == name
    assert name in FORMATS


@pytest.mark.parametrize("content", ["", "name,value\nx,1\n", "0,1\n", "\0\1\2", "PK\3\4", '<x a="1"/>'])
def test_other_contents_are_refused(content):
    with pytest.raises(ValueError, match=r"column time|empty"):
        recognise_format(content)


@given(st.sampled_from(FORMATS), st.text(alphabet='time,;\t0123456789.-naif%"\n<>=~ \0é', max_size=80))
def test_any_text_is_parsed_or_refused(name, content):
    traces, faults, _ = parse(name, content, samples=content.encode())
    assert traces or faults
    for trace in traces:
        assert trace.times.shape == trace.values.shape == trace.lines.shape


# Resampling


def test_hold_takes_the_last_value_and_goes_on_to_the_end_of_an_event_driven_trace():
    series = resample([0.1, 0.5], [1, 2], frames=8, shift=0.1, method="hold", event_driven=True)
    assert_close(series, [1, 1, 1, 1, 2, 2, 2, 2])


def test_hold_stops_where_a_regular_trace_stops():
    series = resample([0.2, 0.4, 0.6], [1, 2, 3], frames=8, shift=0.1, method="hold")
    assert_close(series, [NAN, 1, 1, 2, 2, 3, NAN, NAN])


def test_linear_lies_between_its_neighbours():
    series = resample([0.2, 0.4, 0.8], [1, 2, 0], frames=10, shift=0.1, method="linear")
    assert_close(series, [NAN, 1, 1.5, 2, 1.5, 1, 0.5, 0, NAN, NAN])


def test_linear_keeps_values_that_stand_at_the_ends_of_frames():
    """Sums of 0.04 differ from the decimals in a file by rounding errors."""
    values = np.sin(np.arange(7500))
    times = [round(0.04 * (i + 1), 2) for i in range(7500)]
    for method in ("hold", "linear"):
        assert_close(resample(times, values, frames=7500, shift=0.04, method=method), values)


def test_a_row_at_time_zero_has_no_frame():
    assert_close(resample([0, 0.04, 0.08], [9, 1, 2], frames=2, shift=0.04, method="linear"), [1, 2])


@pytest.mark.parametrize("method", ["hold", "linear", "median"])
def test_an_unrated_row_ends_a_rating(method):
    series = resample([0.1, 0.2, 0.4, 0.6], [1, NAN, 3, 4], frames=6, shift=0.1, method=method, window=0.02)
    assert np.isnan(series).tolist() == [False, True, True, False, False, False]


@pytest.mark.parametrize("method", ["hold", "linear", "median"])
def test_a_gap_of_more_than_three_intervals_is_unrated(method):
    bridged = np.r_[np.arange(1, 11), np.arange(13, 20)] * 0.1  # 1.0 and 1.3 s: three intervals
    series = resample(bridged, bridged, frames=19, shift=0.1, method=method, window=0.1)
    assert np.isfinite(series).all()
    gap = np.r_[np.arange(1, 11), np.arange(14, 20)] * 0.1
    series = resample(gap, gap, frames=19, shift=0.1, method=method, window=0.1)
    assert np.flatnonzero(np.isnan(series)).tolist() == [10, 11, 12]


def test_event_driven_traces_have_no_gaps():
    times = [0.1, 0.2, 0.3, 5.0]
    assert np.isfinite(resample(times, times, frames=60, shift=0.1, method="hold", event_driven=True)).all()


def test_only_hold_and_median_go_on_after_the_last_event():
    times, values = [0.1, 0.3], [1, 3]
    for method, end in (("hold", 3), ("median", 3), ("linear", NAN)):
        series = resample(times, values, frames=5, shift=0.1, method=method, event_driven=True, window=0.1)
        assert_close(series[[0, 2, 3, 4]], [1, 3, end, end])


def test_median_takes_the_rows_of_the_window():
    times, values = np.arange(1, 11) * 0.1, np.array([1, 9, 2, 8, 3, 7, 4, 6, 5, 0.0])
    series = resample(times, values, frames=10, shift=0.1, method="median", window=0.4)
    for i in range(10):
        assert series[i] == np.median(values[max(0, i - 2) : i + 3])


def test_median_of_a_trace_slower_than_the_window_is_the_last_value():
    series = resample([1, 2, 3], [1, 2, 3], frames=6, shift=0.5, method="median", window=0.5)
    assert_close(series, [NAN, 1, 1, 2, 2, 3])


def test_median_bridges_an_irregular_trace_up_to_the_window():
    """Rows 16 ms apart with holes of 0.4 s and 0.6 s, at a window of 0.5 s: only frames in the second are unrated."""
    times = np.concatenate([np.arange(0, 1, 0.016), np.arange(1.4, 2, 0.016), np.arange(2.6, 3.1, 0.016)])
    values = np.sin(times)
    ends = (np.arange(75) + 1) * 0.04
    series = resample(times, values, frames=75, shift=0.04, method="median", window=0.5)
    hole = (ends > times[times < 2.1].max() + 1e-9) & (ends < 2.6 - 1e-9)
    assert np.isnan(series).tolist() == hole.tolist()
    for i in np.flatnonzero(~hole):
        assert series[i] == np.median(values[np.abs(times - ends[i]) <= 0.25 + 1e-9])


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=30, unique=True),
    st.integers(1, 250),
    st.booleans(),
)
def test_hold_equals_a_search_by_brute_force(ticks, frames, event_driven):
    ticks = sorted(ticks)
    series = resample(
        np.array(ticks) / 25, np.arange(len(ticks)), frames=frames, shift=0.04, method="hold", event_driven=event_driven
    )
    middle = np.median(np.diff(ticks)) if len(ticks) > 1 else 0
    for i in range(frames):
        before = [k for k, tick in enumerate(ticks) if tick <= i + 1]
        expected = before[-1] if before else None
        if expected is not None and not event_driven:
            on_row = ticks[expected] == i + 1
            last = expected == len(ticks) - 1
            if not on_row and (last or ticks[expected + 1] - ticks[expected] > 3 * middle):
                expected = None
        assert (expected is None and np.isnan(series[i])) or series[i] == expected


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="spline"):
        resample([0], [0], frames=1, shift=0.04, method="spline")


def test_times_are_irregular_where_fewer_than_nine_in_ten_intervals_are_alike():
    assert is_irregular([0, 0.7, 0.716, 0.75, 4.2])
    assert is_irregular([0.3])
    assert is_irregular(np.cumsum([0, *[0.1] * 7, 1, 2, 3]))  # seven of ten intervals are equal
    assert not is_irregular(np.arange(20) * 0.04)
    assert not is_irregular(np.delete(np.arange(40), np.arange(20, 22)) * 0.04)


def test_a_table_looks_event_driven_where_each_row_changes_a_value():
    times = [0, 0.7, 0.716, 0.75, 4.2]
    one, other = [0, 1, 1, 1, 0], [0, 0, 1, 2, 2]
    assert looks_event_driven(times, np.transpose([one, other]))
    assert not looks_event_driven(times, np.transpose([one]))
    assert not looks_event_driven(np.arange(5), np.transpose([one, other]))


def test_no_table_is_taken_for_event_driven_but_it_is_said_to_look_so():
    """Samples whose intervals vary cannot be told from a log."""
    parsed = parse("csv", "time,anna,ben\n0,0,0\n0.7,1,0\n0.716,1,2\n0.75,1,1\n4.2,0.5,1\n")
    assert parsed.looks_event_driven
    assert [(trace.event_driven, trace.irregular) for trace in parsed.traces] == [(False, True)] * 2
    assert not parse("csv", TABLE).looks_event_driven


# Low-pass filter


def test_low_pass_halves_an_amplitude_at_the_cutoff_and_delays_nothing():
    """Forwards and backwards the response of a Butterworth filter of order 3 is 1 / (1 + w^6), w = tan / tan of the
    bilinear transform; far from the ends a sine keeps its phase."""
    time = np.arange(5000) * 0.04
    for frequency in (0.1, 0.25, 1.0):
        sine = np.sin(2 * np.pi * frequency * time)
        warped = np.tan(np.pi * frequency * 0.04) / np.tan(np.pi * 0.25 * 0.04)
        filtered = filter_low_pass(sine, cutoff=0.25, shift=0.04)
        np.testing.assert_allclose(filtered[1000:4000], sine[1000:4000] / (1 + warped**6), atol=1e-6)


def test_low_pass_treats_rated_stretches_each_by_itself():
    series = np.concatenate([[NAN, NAN], np.full(5, 3.0), [NAN], np.linspace(0, 1, 60), [NAN], [2.0]])
    filtered = filter_low_pass(series, cutoff=0.25, shift=0.04)
    assert np.isnan(filtered).tolist() == np.isnan(series).tolist()
    np.testing.assert_allclose(filtered[2:7], 3)
    np.testing.assert_allclose(filtered[8:68], filter_low_pass(series[8:68], cutoff=0.25, shift=0.04))
    assert filtered[-1] == pytest.approx(2)


def test_low_pass_needs_a_frequency_below_half_the_rate():
    with pytest.raises(ValueError, match=r"^--low-pass=13: it must be above 0 and below 12.5 Hz"):
        filter_low_pass(np.zeros(50), cutoff=13, shift=0.04)


# Options

DEFAULTS = {
    TraceOptions: {"format": "auto", "scale": (), "dimension": "", "seed": 1},
    ResamplingOptions: {"resample": "auto", "window": 0.5},
}


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (TraceOptions, "format", "elan"),
        (ResamplingOptions, "resample", "spline"),
        (TraceOptions, "scale", (1.0,)),
        (TraceOptions, "scale", (1.0, -1.0)),
        (TraceOptions, "scale", (0.0, np.inf)),
        (TraceOptions, "scale", (NAN, 1.0)),
        (ResamplingOptions, "window", 0.0),
        (ResamplingOptions, "low_pass", NAN),
        (TraceOptions, "seed", -1),
    ],
)
def test_values_out_of_range_are_refused_by_name(kind, option, value):
    with pytest.raises(ValueError, match=f"--{option.replace('_', '-')}="):
        kind(**(DEFAULTS[kind] | {option: value}))


def test_the_options_of_the_recipe_are_accepted():
    assert TraceOptions(**(DEFAULTS[TraceOptions] | {"scale": (-100.0, 100.0)})).scale == (-100, 100)
