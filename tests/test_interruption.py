"""A signal ends a job in order, unless whoever started it wants the signal ignored."""

import os
import signal
import subprocess
import sys

import pytest

from clvmodels.interruption import Interrupted, Stoppable, orderly_end
from clvmodels.progress import NoProgress

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_interrupts_and_its_handler_is_put_back(number):
    before = signal.getsignal(number)
    with orderly_end() as received:
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), number)
        assert received == [number]
    assert signal.getsignal(number) == before


def test_a_signal_that_is_ignored_stays_so():
    code = (
        "import os, signal\n"
        "from clvmodels.interruption import orderly_end\n"
        "with orderly_end() as received:\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    assert received == []\n"
        "assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN\n"
    )
    command = ["nohup", sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_end_of_a_stage_stops_the_job_where_a_library_swallowed_the_signal():
    with orderly_end() as received:
        received.append(signal.SIGTERM)
        with pytest.raises(Interrupted), Stoppable(NoProgress()).stage("fit"):
            pass
    with orderly_end(), Stoppable(NoProgress()).stage("fit"):
        pass
