"""What all tests share."""

import signal

import pytest


@pytest.fixture(autouse=True, scope="session")
def heeded_signals() -> None:
    """Let signals act on tests also where a shell started these in the background."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    for number, handler in usual.items():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)
