from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowspec.ddas import NULL_EXTENSION, Fit, FitInfo, decode_event, decode_extension, decode_fragment_hit
from flowspec.ringframes import BodyHeader, Frame, ItemType, read_frame
from remote.sandbox.tools.eventeditor import edit
from remote.sandbox.tools.hits import walk
from remote.sandbox.tools.pulses import Points, TooFewPoints, Window, fit, model
from tests.editor_fixture import Program
from tests.synthetic_run import event, hit, ordinary_events, pulse, segment, state_change

WINDOW = Window(0, 129, 65530)
CHANNELS = {(0, 2, 0): WINDOW}
DATA = Path(__file__).parents[3] / "data"


def edited(data: bytes, channels: dict = CHANNELS, clump: int = 2000) -> bytes:  # type: ignore[type-arg]
    return b"".join(edit(data, channels, clump))


def frames(data: bytes) -> list[Frame]:
    return [read_frame(data, item.start) for item in walk(data)]


def extensions(data: bytes) -> list[bytes]:
    """Of every hit, through flowspec's decoders, which check all sizes."""
    events = [frame for frame in frames(data) if frame.type == ItemType.PHYSICS_EVENT]
    return [decode_fragment_hit(part).extension for frame in events for part in decode_event(frame.body)]


def only_fit(trace: np.ndarray) -> FitInfo:
    found = decode_extension(extensions(edited(event([hit(trace)])))[0])
    assert found is not None
    return found


def assert_pulse(got: Fit, number: int, expected: tuple[float, float, float, float], rel: float) -> None:
    found = got.pulses[number]
    values = (found.amplitude, found.steepness, found.decay, found.position)
    assert values == pytest.approx(expected, rel=rel)


def test_a_single_pulse_is_found() -> None:
    truth = (3000.0, 0.8, 0.02, 30.0)
    found = only_fit(400 + pulse(*truth)).single
    assert_pulse(found, 0, truth, rel=1e-3)
    assert found.offset == pytest.approx(400, abs=0.1)
    assert found.status == 0
    assert 1 < found.iterations <= 50


def test_two_pulses_are_found_and_given_in_order_of_position() -> None:
    # The larger pulse is the later one, so the single fit, and with it the first guess, starts there.
    early, late = (1500.0, 0.7, 0.03, 30.0), (4000.0, 0.5, 0.04, 70.0)
    found = only_fit(500 + pulse(*early) + pulse(*late)).double
    assert_pulse(found, 0, early, rel=5e-3)
    assert_pulse(found, 1, late, rel=5e-3)
    assert found.status == 0


def test_chi_square_is_neymans_and_not_per_degree_of_freedom() -> None:
    rng = np.random.default_rng(4)
    trace = np.rint(400 + pulse(3000, 0.8, 0.02, 30) + rng.normal(0, 20, 130))
    found = only_fit(trace).single
    p = found.pulses[0]
    fitted = found.offset + pulse(p.amplitude, p.steepness, p.decay, p.position)
    assert found.chi_square == pytest.approx(np.sum((trace - fitted) ** 2 / trace), rel=1e-9)


def test_the_minimum_is_a_minimum_of_the_unweighted_sum_of_squares() -> None:
    """The gradient, from differences of a model written down independently, vanishes against its own scale."""
    rng = np.random.default_rng(5)
    traces = np.rint(400 + pulse(3000, 0.8, 0.02, 30) + rng.normal(0, 20, (20, 130))).astype(np.uint16)
    for trace, result in zip(traces.astype(float), fit(traces, WINDOW)["single"], strict=True):
        found = np.array([*(result["pulse"][n] for n in ("amplitude", "steepness", "decayTime", "position"))])

        def residual(p: np.ndarray, offset: float = float(result["offset"]), y: np.ndarray = trace) -> np.ndarray:
            return pulse(*p) + offset - y

        for i in range(4):
            step = np.zeros(4)
            step[i] = 1e-5 * found[i]
            slope = (residual(found + step) - residual(found - step)) / (2 * step[i])
            cosine = slope @ residual(found) / np.linalg.norm(slope) / np.linalg.norm(residual(found))
            assert abs(cosine) < 1e-3


def test_the_jacobian_is_the_derivative_of_the_model() -> None:
    rng = np.random.default_rng(6)
    parameters = np.array([[3000, 900, 0.8, 0.5, 0.02, 0.05, 30, 61, 400.0]])
    trace = rng.integers(300, 4000, (1, 130)).astype(np.uint16)
    points = Points.of(trace, WINDOW)
    derivative = []
    for i in range(9):
        step = np.zeros((1, 9))
        step[0, i] = 1e-6 * parameters[0, i]
        change = model(parameters + step, points.x) - model(parameters - step, points.x)
        derivative.append(change[0] / (2 * step[0, i]))
    jacobian, residual = np.array(derivative), model(parameters, points.x)[0] - trace[0]
    gram = points.gram(np.array([0]), parameters)[0]
    np.testing.assert_allclose(gram[:9, :9], jacobian @ jacobian.T, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(gram[:9, 9], jacobian @ residual, rtol=1e-5, atol=1e-1)
    assert gram[9, 9] == pytest.approx(residual @ residual)


def test_traces_of_a_batch_do_not_influence_each_other() -> None:
    rng = np.random.default_rng(7)
    shapes = [400 + pulse(a, 0.7, 0.03, 30) + pulse(b, 0.7, 0.03, 60) for a, b in rng.uniform(0, 5000, (150, 2))]
    traces = np.rint(np.array(shapes) + rng.normal(0, 3, (150, 130))).astype(np.uint16)
    together = fit(traces, WINDOW)
    for i in (0, 70, 149):
        alone = fit(traces[i : i + 1], WINDOW)[0]
        assert alone["single"]["pulse"]["position"] == pytest.approx(
            together[i]["single"]["pulse"]["position"], rel=1e-6
        )
        # A flat valley amplifies the last bits: what is minimised agrees, the parameters need not.
        assert alone["double"]["chiSquare"] == pytest.approx(together[i]["double"]["chiSquare"], rel=0.05)


def test_a_flat_trace_and_noise_get_a_status_and_finite_numbers() -> None:
    rng = np.random.default_rng(8)
    traces = np.vstack([np.full((3, 130), 400), rng.integers(0, 65000, (30, 130)), np.zeros((2, 130))])
    found = fit(traces.astype(np.uint16), WINDOW)
    for kind in ("single", "double"):
        assert set(found[kind]["fitStatus"].tolist()) <= {0, 27, 29, 30, 31, 0xFFFFFFFE}
        assert np.isfinite(found[kind]["offset"]).all()
    assert found["single"]["iterations"].max() <= 50
    assert found["double"]["iterations"].max() <= 200


def test_saturated_samples_are_left_out() -> None:
    truth = (3000.0, 0.8, 0.02, 30.0)
    clipped = np.minimum(400 + pulse(*truth), 2400)
    found = fit(np.rint(clipped).astype(np.uint16)[None], Window(0, 129, 2400))[0]["single"]
    assert found["pulse"]["amplitude"] == pytest.approx(3000, rel=0.01)


def test_a_negative_pulse_goes_through_the_reversed_fit() -> None:
    trace = np.rint(3000 - pulse(2000, 0.8, 0.02, 30)).astype(np.uint16)
    found = fit(trace[None], WINDOW)[0]
    assert np.isfinite(found["double"]["offset"])
    assert found["double"]["iterations"] > 0


def test_sizes_grow_by_168_for_a_configured_hit_and_by_4_for_another() -> None:
    plain = event([hit(400 + pulse(900, 0.5, 0.03, 40)), hit(None, channel=0), hit(None, channel=5)])
    fitted = edited(plain)
    assert len(fitted) == len(plain) + 168 + 168 + 4
    with_trace, without_trace, unconfigured = extensions(fitted)
    assert decode_extension(with_trace) != FitInfo()
    assert without_trace == FitInfo().encode()
    assert unconfigured == NULL_EXTENSION


def test_a_second_pass_replaces_the_extension() -> None:
    once = edited(event([hit(400 + pulse(900, 0.5, 0.03, 40)), hit(None, channel=5)]))
    assert edited(once) == once


def test_everything_else_passes_byte_for_byte() -> None:
    other = [
        Frame(ItemType.PHYSICS_EVENT_COUNT, os.urandom(29), BodyHeader(source_id=3)).encode(),
        Frame(0x8001, os.urandom(7)).encode(),
        event([]),
    ]
    data = segment([*other, *ordinary_events(3)])
    kept = [f for f in frames(edited(data)) if f.type != ItemType.PHYSICS_EVENT or len(f.body) == 4]
    assert kept == [f for f in frames(data) if f.type != ItemType.PHYSICS_EVENT or len(f.body) == 4]


def test_the_reference_file_keeps_every_byte_but_extensions_and_sizes() -> None:
    data = (DATA / "ref-v12.evt").read_bytes()
    fitted = edited(data, {(3, 2, 1): Window(0, 99, 65530)})
    assert len(fitted) == len(data) + 168 + 4
    before, after = frames(data), frames(fitted)
    for old, new in zip(before, after, strict=True):
        if old.type != ItemType.PHYSICS_EVENT:
            assert old.encode() == new.encode()
            continue
        assert old.header == new.header
        for was, now in zip(decode_event(old.body), decode_event(new.body), strict=True):
            assert (was.timestamp, was.source_id, was.barrier) == (now.timestamp, now.source_id, now.barrier)
            old_hit, new_hit = read_frame(was.payload), read_frame(now.payload)
            assert new_hit.header == old_hit.header
            assert new_hit.body.startswith(old_hit.body)
            assert len(new_hit.body) - len(old_hit.body) in (4, 168)
    first = decode_extension(extensions(fitted)[0])
    assert first is not None
    assert_pulse(first.single, 0, (3000, 0.8, 0.02, 30), rel=1e-3)


def test_format_11_passes_too() -> None:
    data = (DATA / "ref-v11.evt").read_bytes()
    assert [f.type for f in frames(edited(data, {}))] == [f.type for f in frames(data)]


@given(st.integers(min_value=1, max_value=400))
def test_a_cut_tail_is_ignored(cut: int) -> None:
    events = ordinary_events(2)
    data = segment(events)
    whole = [item for item in walk(data) if item.start + item.size <= len(data) - cut]
    assert edited(data[:-cut], {}) == edited(data[: whole[-1].start + whole[-1].size], {})


def test_the_size_of_a_clump_changes_nothing_but_the_last_digits() -> None:
    data = segment(ordinary_events(10))
    one, many = edited(data, clump=3), edited(data)
    assert len(one) == len(many)
    for a, b in zip(extensions(one), extensions(many), strict=True):
        assert len(a) == len(b)


def test_fewer_samples_than_parameters_are_refused() -> None:
    with pytest.raises(TooFewPoints):
        edited(ordinary_events(1)[0], {(0, 2, 0): Window(0, 129, 10)})


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def test_the_program_fits_a_file(program: Program) -> None:
    done = program.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(extensions(program.sink.read_bytes())) == 6
    assert stat.S_IMODE(program.sink.stat().st_mode) & ~0o640 == 0


def test_a_missing_input_aborts(program: Program) -> None:
    program.source.unlink()
    done = program.run()
    assert done.returncode == 134
    assert "Opening the ring item file" in done.stderr


@pytest.mark.parametrize("config", [None, "0 2 0 130 0 129 65530\n", "0 2 zero 130 0 129 65530 none none\n"])
def test_a_missing_or_bad_configuration_ends_with_1(program: Program, config: str | None) -> None:
    if config is None:
        program.config.unlink()
    else:
        program.config.write_text(config)
    done = program.run()
    assert done.returncode == 1
    assert done.stderr.startswith("Error configuring FitEditor: ")


def test_too_few_unsaturated_samples_abort(program: Program) -> None:
    program.config.write_text('0 2 0 130 0 129 10 "none" "none"\n')
    done = program.run()
    assert done.returncode == 134
    assert "insufficient data points, n < p" in done.stderr


def test_mpi_needs_four_processes(program: Program) -> None:
    program.environment["OMPI_COMM_WORLD_SIZE"] = "3"
    done = program.run("-n", "1", "-p", "mpi")
    assert done.returncode == 1
    assert "at least 4 processes" in done.stderr


def test_over_mpi_the_end_of_the_input_is_told(program: Program) -> None:
    done = program.run("-n", "1", "-p", "mpi")
    assert done.returncode == 0
    lines = "MPI fanout transport end 1 clients to end", "End got request from 3", "1 remaining", "Removing 3"
    assert done.stderr.splitlines() == [*lines, " all ended"]
    assert len(extensions(program.sink.read_bytes())) == 6


def test_state_changes_of_a_segment_without_events_pass(program: Program) -> None:
    program.source.write_bytes(state_change(ItemType.END_RUN))
    assert program.run().returncode == 0
    assert program.sink.read_bytes() == program.source.read_bytes()
