"""Progress of training, from logs as the wrapper and steps/train.py write them."""

import time

import pytest
from conftest import step

from emoseq.recipe.progress import JobState, estimate_seconds_left, find_start, format_progress, read_state

HEAD = "# steps/train.py exp/train.jobs 1 data\n# Started at Wed Nov 25 10:00:00 UTC 2026\n#\n"
EPOCHS = "".join(
    f"steps/train.py: exp/arousal/cls_l3_r0_s1: epoch {i} rate 0.002 loss 7.4172 dev CCC 0.6792 (best)\n"
    for i in (1, 2)
)
FOOT = "# Accounting: time=9 threads=1\n# Ended (code {}) at Wed Nov 25 10:00:09 UTC 2026, elapsed time 9 seconds\n"
STARTED = "Wed Nov 25 10:00:00 UTC 2026"


@pytest.mark.parametrize(
    ("log", "state"),
    [
        ("", JobState()),
        (HEAD, JobState(started=STARTED)),
        (HEAD + EPOCHS, JobState(epochs=2, started=STARTED)),
        (HEAD + "steps/train.py: exp/a: 40 epochs at most\n", JobState(max_epochs=40, started=STARTED)),
        (
            HEAD + EPOCHS + "steps/train.py: exp/arousal/cls_l3_r0_s1: trained in 2 epochs\n",
            JobState(epochs=2, done=True, started=STARTED),
        ),
        (
            HEAD + "steps/train.py: exp/arousal/cls_l3_r0_s1: up to date\n" + FOOT.format(0),
            JobState(done=True, current=True, started=STARTED),
        ),
        (HEAD + EPOCHS + FOOT.format(137), JobState(epochs=2, failed=True, started=STARTED)),
        (HEAD + EPOCHS + "# Finished at Wed Nov 25 with status 1\n", JobState(epochs=2, failed=True, started=STARTED)),
    ],
)
def test_a_log_tells_the_state_of_its_job(log, state):
    assert read_state(log) == state


def test_time_left_by_hand():
    """Two models of 4 layers took 10 epochs each, one of 2 layers is at epoch 5, another waits, in 85 s: 90 layers'
    epochs at .944 s. The two shallow ones are taken to need 10 epochs as well: 2 * 5 + 2 * 10 = 30 are left."""
    states = [JobState(10, done=True)] * 2 + [JobState(5, started="x"), JobState()]
    assert estimate_seconds_left([4, 4, 2, 2], states, 85.0) == pytest.approx(85 / 90 * 30)


def test_models_of_the_same_depth_tell_best_how_many_epochs_are_needed():
    states = [JobState(40, done=True), JobState(20, done=True), JobState()]
    assert estimate_seconds_left([5, 3, 3], states, 260.0) == pytest.approx(3 * 20)


def test_models_that_were_up_to_date_tell_nothing_of_the_time():
    states = [JobState(0, done=True, current=True), JobState(1, 40, started="x")]
    assert estimate_seconds_left([3, 3], states, 5.0) == pytest.approx(39 * 5)


def test_before_the_first_epoch_nothing_is_known_of_the_time():
    assert estimate_seconds_left([3], [JobState(started="x")], 5.0) is None


def test_nothing_is_left_of_a_job_that_failed():
    assert estimate_seconds_left([3, 3], [JobState(10, done=True), JobState(2, failed=True)], 12.0) == 0


def test_a_run_began_with_the_first_job_that_trains():
    clock = time.mktime(time.strptime("2026-11-25 09:00:00", "%Y-%m-%d %H:%M:%S"))
    zone = time.strftime("%Z", time.localtime(clock))
    states = [
        JobState(done=True, current=True, started=f"Wed Nov 25 08:00:00 {zone} 2026"),
        JobState(1, started=f"Wed Nov 25 10:00:00 {zone} 2026"),
        JobState(1, started=f"Wed Nov 25 09:00:00 {zone} 2026"),
        JobState(1, started="mercredi"),
    ]
    assert find_start(states) == clock


def test_the_line_people_read():
    states = [JobState(0, done=True, current=True), JobState(30, done=True), JobState(7, started="x"), JobState()]
    line = "2 of 5 models done (1 were up to date), 1 failed, 1 under way (epoch 7), about 1 h 24 min left"
    assert format_progress([*states, JobState(failed=True)], 5025.0) == line


def test_the_step_says_it_of_a_run(small_run):
    done = step("steps/show_progress.py", small_run.exp / "train.jobs", small_run.exp / "log/train.JOB.log")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("steps/show_progress.py: 8 of 8 models done")


def test_a_follower_ends_with_the_last_model(small_run):
    words = ["steps/show_progress.py", "--follow", small_run.exp / "train.jobs", small_run.exp / "log/train.JOB.log"]
    done = step(*words, timeout=60)
    assert done.returncode == 0, done.stderr
