"""The recipe on a real Grid Engine."""

import drills
import pytest
from recipes import *  # noqa: F403


@pytest.fixture(scope="module")
def bed():
    with drills.started("gridengine") as bed:
        yield bed
