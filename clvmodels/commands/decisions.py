"""Commands about what to do: what an action may cost, and how past decisions look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clvmodels.commands.shared import Json, Quiet, progress_for
from clvmodels.errors import ExitStatus

decisions = typer.Typer(
    name="decisions",
    help="How past decisions look with what was known then.",
    add_completion=False,
)

_Rules = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file with tables such as actions.refund. Default: those of the run.",
        show_default=False,
    ),
]
_Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        metavar="DIR",
        help="The saved model/ folder, for scores that were made with one from elsewhere.",
        show_default=False,
    ),
]


_Customer = Annotated[
    str | None,
    typer.Option("--customer", metavar="ID", help="Whom it is about.", show_default=False),
]
_Segment = Annotated[
    str | None,
    typer.Option(
        "--segment",
        metavar="NAME",
        help="Instead: a segment, all of whose customers get it.",
        show_default=False,
    ),
]
_Action = Annotated[
    str,
    typer.Option(
        "--action",
        metavar="NAME",
        help="refund, exchange, upgrade, win-back, service-recovery, or one of the configuration.",
    ),
]
_Cost = Annotated[
    float | None,
    typer.Option(
        "--cost",
        metavar="MONEY",
        help="What it costs for one customer. Default: the configuration's.",
        show_default=False,
    ),
]
_Keeps = Annotated[
    float | None,
    typer.Option(
        "--keeps",
        metavar="P",
        help="By how much it raises the probability that the customer stays: 0.3 for 30 "
        "percentage points. Default: the configuration's, or nothing.",
        show_default=False,
    ),
]
_InTouch = Annotated[
    bool,
    typer.Option("--in-touch", metavar="", help="The customer is in touch now, and so is active."),
]


def decide(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="What a run left.")],
    customer: _Customer = None,
    segment: _Segment = None,
    action: _Action = "refund",
    cost: _Cost = None,
    keeps: _Keeps = None,
    in_touch: _InTouch = False,
    config: _Rules = None,
    model: _Model = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what an action may cost for a customer or a segment, and how likely it pays back."""
    from clvmodels.decisions.decide import decide as answer

    with progress_for(quiet) as progress, progress.stage("decide"):
        made = answer(
            run_dir,
            customer=customer,
            segment=segment,
            action=action,
            cost=cost,
            keeps=keeps,
            in_touch=in_touch,
            config=config,
            model=model,
        )
    if as_json:
        typer.echo(made.to_json())
    else:
        typer.echo(str(made))
    if not made.trusted:
        raise typer.Exit(ExitStatus.UNTRUSTED)


@decisions.command("review")
def review_decisions(
    decision_log: Annotated[
        Path,
        typer.Argument(
            metavar="LOG.csv",
            help="Columns date, customer, action, cost; maybe team, note, keeps.",
        ),
    ],
    runs: Annotated[
        list[Path],
        typer.Option(
            "--run",
            metavar="RUN_DIR",
            help="What a run left; several times for runs of several days. Each decision is judged "
            "by the last one that was there on its day.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write all of it: .csv, .json or .html by its name.",
            show_default=False,
        ),
    ] = None,
    config: _Rules = None,
    model: _Model = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge past decisions by the value known at that time, and say what came of them."""
    from clvmodels.decisions.review import review

    with progress_for(quiet) as progress, progress.stage("review"):
        found = review(decision_log, runs, config=config, model=model)
    if out is not None:
        found.write(out)
    if as_json:
        typer.echo(found.to_json())
    elif out is None or not quiet:
        typer.echo(str(found))
    if out is not None and not quiet:
        typer.echo(f"Everything: {out}", err=True)
    if not found.trusted:
        raise typer.Exit(ExitStatus.UNTRUSTED)
