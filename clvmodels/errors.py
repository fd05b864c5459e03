"""Every failure and every warning that a user of the package can meet, one class each.

A message names the thing, its value, the bound and the next step. The classes carry the exit
status that the command line returns for them.
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the command line returns."""

    DONE = 0
    USAGE = 2
    INPUT = 3
    UNTRUSTED = 4
    RESOURCES = 5


class ClvError(Exception):
    """Base of all errors raised on purpose."""

    exit_status = ExitStatus.USAGE


class ConfigurationError(ClvError):
    """An option or an argument has a value that cannot be used."""


class DurationError(ConfigurationError):
    """A horizon is not a duration with a unit."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f"{value!r} is not a duration. Write a number and a unit, such as '90d', '26w', "
            "'12m' or '1y', or 'lifetime'."
        )


class UnitMismatchError(ConfigurationError):
    """Data in one time unit meet a model in another."""

    def __init__(self, given: str, fitted: str) -> None:
        super().__init__(
            f"The customers are in {given}s and the model was fitted in {fitted}s. Summarise the "
            f"log with time_unit={fitted!r}, or fit the model again."
        )


class UndiscountedLifetimeError(ConfigurationError):
    """The expectation over an undiscounted lifetime is infinite or not defined."""

    def __init__(self) -> None:
        super().__init__(
            "A lifetime without discounting has no finite expected value in these models: some "
            "customers never leave. Give an annual discount rate above 0 or a finite horizon."
        )


class ParameterError(ConfigurationError):
    """A model parameter or a numeric argument is outside its range."""

    def __init__(self, name: str, value: object, bound: str) -> None:
        super().__init__(f"{name} is {value!r}; it must be {bound}.")


class NotFittedError(ClvError):
    """A prediction was asked of a model without parameters."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"This {model} has no parameters yet. Call fit(customers), or start from "
            f"{model}.from_params({{...}}, time_unit=...)."
        )


class NoSpendModelError(ClvError):
    """Money was asked of purchases alone."""

    def __init__(self) -> None:
        super().__init__(
            "There is no spend model, so nothing is known about money. Fit a GammaGammaModel and "
            "give it to CustomerValue."
        )


class NoDrawsError(ClvError):
    """Draws of the posterior were asked of a model that has only a point estimate."""

    def __init__(self, method: str) -> None:
        origin = "known parameters" if method == "given" else f"method={method!r}"
        super().__init__(
            f"This model has no draws of its posterior: it comes from {origin}. Fit it with "
            "method='auto' (or 'laplace' or 'nuts')."
        )


class InputError(ClvError):
    """The input cannot be used; the message collects everything that is wrong with it."""

    exit_status = ExitStatus.INPUT


class ArtefactError(ClvError):
    """A file that the package wrote is missing, damaged or of another schema version."""

    exit_status = ExitStatus.INPUT


class ResourceError(ClvError):
    """Memory, disk or time ran out, or the job was interrupted: nothing half-written is visible."""

    exit_status = ExitStatus.RESOURCES


class FolderInUseError(ResourceError):
    """Another job works in the folder."""

    def __init__(self, folder: str, who: str, *, only_told: bool = False) -> None:
        hint = ""
        if only_told:
            hint = f" If that process no longer runs, remove {folder}/.lock."
        super().__init__(
            f"{folder} is in use by {who}. Wait until that job is done, or choose another "
            f"folder.{hint}"
        )


class ClvWarning(UserWarning):
    """Base of all warnings."""


class DataWarning(ClvWarning):
    """The log was used, but something in it deserves a look."""


class ConvergenceWarning(ClvWarning):
    """The optimiser did not reach a point that is surely the optimum."""


class PosteriorWarning(ClvWarning):
    """The draws of the posterior are poor, or another method than the one asked for made them."""


class UntrustworthyModelWarning(ClvWarning):
    """The fit exists, but its numbers should not be relied on."""
