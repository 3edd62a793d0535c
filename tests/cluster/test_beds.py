"""The test beds themselves: what the other tests in this folder rely on."""

import subprocess

import pytest

SUBMIT = {
    "slurm": ["sbatch", "--wait", "--output=/dev/null", "--wrap"],
    "gridengine": ["qsub", "-sync", "y", "-b", "y", "-shell", "y", "-o", "/dev/null", "-j", "y"],
}


def submit(bed, command, **options):
    return subprocess.run(
        [*SUBMIT[bed.name], command], env=bed.environment, cwd=bed.folder, capture_output=True, text=True, **options
    )


def test_the_status_of_a_job_comes_back(bed):
    assert submit(bed, "exit 3").returncode == 3


@pytest.mark.parametrize("verbs", [("restart",), ("freeze", "thaw"), ("kill-node", "start"), ("drain", "start")])
def test_jobs_run_after_a_drill(bed, verbs, tmp_path):
    for verb in verbs:
        bed.do(verb)
    submit(bed, f"touch {tmp_path}/ran", timeout=120)
    assert (tmp_path / "ran").exists()


def test_a_drained_bed_runs_nothing_until_it_is_resumed(bed, tmp_path):
    bed.do("drain")
    with pytest.raises(subprocess.TimeoutExpired):
        submit(bed, f"touch {tmp_path}/ran", timeout=5)
    assert not (tmp_path / "ran").exists()
    bed.do("resume")
