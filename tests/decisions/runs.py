"""Runs to decide on: folders as a job leaves them, with known or with learned parameters."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import clvmodels as clv
from clvmodels import pipeline
from clvmodels.config import JobConfig
from clvmodels.models.base import Model
from clvmodels.progress import NoProgress
from tests.jobs import shop

PURCHASES = {"r": 0.8, "alpha": 40.0, "a": 0.8, "b": 2.5}
SPEND = {"p": 6.0, "q": 4.0, "gamma": 15.0}
SEGMENTS = ("one-time", "lapsed", "fading", "loyal", "champions")


def known_models() -> tuple[Model, Model]:
    """Models whose parameters are certain."""
    return (
        clv.BetaGeoModel.from_params(PURCHASES, time_unit="day"),
        clv.GammaGammaModel.from_params(SPEND, time_unit="day"),
    )


def learned_models(log: pd.DataFrame) -> tuple[Model, Model]:
    """Models that know how little a log tells them."""
    summary = clv.read_transactions(log).summarize()
    return clv.BetaGeoModel().fit(summary), clv.GammaGammaModel().fit(summary)


def make_run(
    folder: Path,
    log: pd.DataFrame | None = None,
    models: tuple[Model, ...] | None = None,
    *,
    segments: bool = True,
    trusted: str = "trusted",
    actions: dict[str, Any] | None = None,
    **config: Any,
) -> Path:
    """Score a log into ``folder`` and give it the models, segments and verdict of a whole run."""
    log = shop() if log is None else log
    saved = folder.with_name(f"{folder.name}-model")
    saved.mkdir(parents=True)
    for model, name in zip(models or known_models(), ("purchases", "spend"), strict=False):
        model.save(saved / f"{name}.json")
    source = saved / "log.parquet"
    log.to_parquet(source, index=False)
    settings = JobConfig.model_validate(config)
    opener = partial(pipeline.open_log, [str(source)], settings)
    pipeline.score(opener, settings, saved, folder, NoProgress())
    shutil.copytree(saved, folder / "model")
    rewrite(folder, trusted=trusted)
    if actions is not None:
        record = json.loads((folder / "run.json").read_text("utf-8"))
        rewrite(folder, config=record["config"] | {"actions": actions})
    if segments:
        add_segments(folder)
    else:
        remove_segments(folder)
    return folder


def rewrite(folder: Path, **fields: Any) -> None:
    """Change what the record of a run says."""
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


def add_segments(folder: Path, names: tuple[str, ...] = SEGMENTS) -> None:
    """Give every customer one of five segments by orders, P(alive) and value."""
    for file in (folder / "scores").glob("*.parquet"):
        table = pq.read_table(file)
        alive = table["probability_alive"].to_numpy()
        worth = table["expected_purchases"].to_numpy()
        code = np.where(worth > np.quantile(worth, 0.8), 4, 3)
        code = np.where(alive < 0.6, 2, code)
        code = np.where(alive < 0.2, 1, code)
        code = np.where(table["frequency"].to_numpy() == 0, 0, code)
        place = table.schema.get_field_index("segment")
        table = table.set_column(place, "segment", pa.array(np.array(names)[code]))
        pq.write_table(table, file, row_group_size=100)


def remove_segments(folder: Path) -> None:
    """Leave the scores without segments, as a scoring job without them did."""
    for file in (folder / "scores").glob("*.parquet"):
        table = pq.read_table(file)
        place = table.schema.get_field_index("segment")
        nothing = pa.nulls(len(table), pa.string())
        pq.write_table(table.set_column(place, "segment", nothing), file, row_group_size=100)


def scores_of(folder: Path) -> pd.DataFrame:
    """The scores of a run, by customer."""
    return pq.read_table(folder / "scores").to_pandas().set_index("customer_id")
