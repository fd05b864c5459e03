"""Tables and picture of ``docs/calibration.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.uniformity import BINS, Uniformity, holm, pooled, uniformity
from clvmodels.inference.laplace import LARGEST_PARETO_K
from clvmodels.plots._canvas import ACTUAL, BAND, INK, MODEL_FILL, MUTED

if TYPE_CHECKING:
    from benchmarks.calibration import Study

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "calibration.md", DOCS / "images" / "calibration.png"
NAMES = {
    "bgnbd": "BG/NBD",
    "gamma_gamma": "Gamma-Gamma",
    "mbgnbd": "MBG/NBD",
    "nbd": "NBD",
    "pareto_nbd": "Pareto/NBD",
}
ALL = "all together"
_BEGIN, _END = "<!-- study -->", "<!-- /study -->"
_SPEND = ("p", "q", "gamma")
_COLUMNS, _BAND = 6, 0.99
# Fewer shops than this are drawn with half as many bars.
_MANY = 250


def judged(studies: Sequence[Study]) -> dict[tuple[str, str], Uniformity]:
    """Evidence by model and quantity, and on all quantities of a model together."""
    found = {}
    for study in studies:
        positions = {name: np.array(values) for name, values in study.positions.items()}
        for name, values in positions.items():
            found[study.model, name] = uniformity(values)
        found[study.model, ALL] = pooled(positions)
    return found


def corrected(evidence: dict[tuple[str, str], Uniformity]) -> dict[str, float]:
    """All p-values corrected for their number, by model, quantity and test."""
    return holm(
        {
            f"{NAMES[model]}, {quantity}, {test}": p
            for (model, quantity), found in evidence.items()
            for test, p in found.p_values.items()
        }
    )


def write_page(studies: Sequence[Study]) -> None:
    """Put the tables into the page and draw the picture."""
    before, rest = PAGE.read_text("utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    lines = [*_summary(studies), "", *_p_values(studies), "", *_reliable(studies), ""]
    lines += _coverage(studies[0])
    PAGE.write_text("\n".join([before + _BEGIN, *lines, _END + after]), "utf-8")
    print("\n".join(lines))
    draw(studies)


def _summary(studies: Sequence[Study]) -> list[str]:
    p_values = corrected(judged(studies))
    worst = min(p_values, key=lambda name: p_values[name])
    shops = ", ".join(
        f"{len(next(iter(study.positions.values())))} for {NAMES[study.model]}" for study in studies
    )
    minutes = sum(study.seconds for study in studies) / 60.0
    return [
        f"Shops: {shops}; {minutes:.0f} minutes of one processor. {len(p_values)} tests; the "
        f"smallest p-value corrected for their number is {p_values[worst]:.2g} ({worst})."
    ]


def _p_values(studies: Sequence[Study]) -> list[str]:
    lines = [
        "| model | quantity | χ² | Kolmogorov | slope | cup | shift (sd) | too narrow by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (model, quantity), found in judged(studies).items():
        cells = (
            f"{found.p_values[test]:.2g}" if test in found.p_values else "–"
            for test in ("chi_square", "kolmogorov", "slope", "cup")
        )
        of = "gamma_gamma" if quantity in _SPEND else model
        lines.append(
            f"| {NAMES[of]} | {quantity} | {' | '.join(cells)} "
            f"| {found.shift:+.2f} ± {found.shift_error:.2f} "
            f"| {found.narrow:+.0%} ± {found.narrow_error:.0%} |"
        )
    return lines


def _reliable(studies: Sequence[Study]) -> list[str]:
    lines = ["| model | shops | median k-hat | largest | above 0.7 |", "|---|---|---|---|---|"]
    for study in studies:
        # Spend is learned in every study; once is enough to tell.
        models = study.pareto_k if study is studies[0] else (study.model,)
        for model in models:
            k = np.array(study.pareto_k[model])
            lines.append(
                f"| {NAMES[model]} | {len(k)} | {np.median(k):.2f} | {k.max():.2f} "
                f"| {(k > LARGEST_PARETO_K).mean():.1%} |"
            )
    return lines


def _coverage(study: Study) -> list[str]:
    lines = ["| total | made by | 50 % | 80 % | 90 % |", "|---|---|---|---|---|"]
    rows: dict[tuple[str, str], list[str]] = {}
    for name, held in study.covered.items():
        total, maker, _ = name.split(", ")
        rows.setdefault((total, maker), []).append(f"{np.mean(held):.0%}")
    for (total, maker), cells in rows.items():
        lines.append(f"| {total} | `{maker}` | {' | '.join(cells)} |")
    return lines


def draw(studies: Sequence[Study]) -> None:
    """Histograms of all positions with the band that a uniform one stays within."""
    from matplotlib.figure import Figure

    panels = [
        (
            "gamma_gamma" if name in _SPEND else study.model,
            name,
            np.array(values),
        )
        for study in studies
        for name, values in study.positions.items()
    ]
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(2.3 * _COLUMNS, 1.75 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for ax, panel in zip(axes, panels, strict=False):
        _histogram(ax, *panel)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    figure.suptitle(
        "Position of the truth among the draws, from 0 (below all) to 1 (above all). "
        f"Dashed: {_BAND:.0%} of the bars of a uniform histogram stay between; dark: outside.",
        color=INK,
        fontsize=11,
        x=0.01,
        ha="left",
    )
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def _histogram(ax: Any, model: str, name: str, positions: np.ndarray) -> None:
    from scipy.stats import binom

    n = len(positions)
    bins = BINS if n >= _MANY else BINS // 2
    counts, edges = np.histogram(positions, bins, (0.0, 1.0))
    low, high = binom.ppf([0.5 - _BAND / 2.0, 0.5 + _BAND / 2.0], n, 1.0 / bins)
    ax.axhspan(low, high, color=BAND, zorder=0)
    for level in (low, high):
        ax.axhline(level, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=3)
    outside = (counts < low) | (counts > high)
    colours = np.where(outside, ACTUAL, MODEL_FILL)
    ax.bar(edges[:-1], counts, 1.0 / bins, align="edge", color=colours, zorder=2)
    ax.set_title(f"{NAMES[model]}: {name}", fontsize=8.5, color=INK, loc="left")
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(0.0, max(2.2 * n / bins, 1.05 * counts.max()))
    ax.set_xticks([0.0, 0.5, 1.0], ["0", "½", "1"])
    ax.set_yticks([0, n // bins])
    ax.tick_params(colors=MUTED, labelsize=8, length=2)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
