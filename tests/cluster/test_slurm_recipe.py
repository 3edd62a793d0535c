"""The recipe on a real Slurm."""

import drills
import pytest
from recipes import *  # noqa: F403


@pytest.fixture(scope="module")
def bed():
    with drills.started("slurm") as bed:
        yield bed
