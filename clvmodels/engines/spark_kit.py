"""What an executor needs to score: saved models as bytes, and the functions that rebuild them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from clvmodels.engines.batch import Segmenting, score_batch
from clvmodels.models import PURCHASE_MODELS, GammaGammaModel
from clvmodels.segments.segmenter import Segmenter
from clvmodels.storage import regrouped
from clvmodels.transactions.columns import CustomerColumns
from clvmodels.units import Duration, TimeUnit
from clvmodels.value.scorer import Scorer
from clvmodels.value.terms import ValueTerms
from clvmodels.value.totals import ValueGroups

_ROWS_PER_BATCH = 100_000
_PURCHASES, _SPEND, _SEGMENTS = "purchases.json", "spend.json", "segments.json"
SUMS = ("weight", "sum_mean", "sum_square", "sum_order", "priced")


@dataclass(frozen=True)
class Kit:
    """A scorer and a segmenter as plain bytes and text: their saved files and the terms of value.

    Attributes
    ----------
    files : tuple of (str, bytes)
        Name and content of each file that the models save.
    model : str
        Which purchase model.
    terms : str
        JSON of the terms of value, the interval and the seed.
    """

    files: tuple[tuple[str, bytes], ...]
    model: str
    terms: str

    @classmethod
    def of(cls, scorer: Scorer, segmenter: Segmenter | None) -> Kit:
        """Pack a scorer."""
        terms = asdict(scorer.terms) | {"horizon": str(scorer.terms.horizon)}
        lower, _, _ = scorer.levels
        content = {"terms": terms, "interval": 1.0 - 2.0 * lower, "seed": scorer.seed}
        with tempfile.TemporaryDirectory(prefix="clvmodels-") as name:
            folder = Path(name)
            scorer.purchases.save(folder / _PURCHASES)
            if scorer.spend is not None:
                scorer.spend.save(folder / _SPEND)
            if segmenter is not None:
                segmenter.save(folder / _SEGMENTS)
            files = tuple((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
        return cls(files, scorer.purchases.kernel.name, json.dumps(content))


@lru_cache(maxsize=2)
def unpacked(kit: Kit) -> tuple[Scorer, Segmenting | None]:
    """Rebuild what was packed, once in a process that scores many partitions."""
    content = json.loads(kit.terms)
    names = {name for name, _ in kit.files}
    with tempfile.TemporaryDirectory(prefix="clvmodels-") as name:
        folder = Path(name)
        for file, held in kit.files:
            (folder / file).write_bytes(held)
        purchases = PURCHASE_MODELS[kit.model].load(folder / _PURCHASES)
        spend = GammaGammaModel.load(folder / _SPEND) if _SPEND in names else None
        segmenter = Segmenter.load(folder / _SEGMENTS) if _SEGMENTS in names else None
    horizon = Duration.parse(content["terms"].pop("horizon"))
    terms = ValueTerms(horizon, **content["terms"])
    return Scorer(purchases, spend, terms, content["interval"], content["seed"]), segmenter


@dataclass(frozen=True)
class ScorePartition:
    """From the customers of a partition to their scores, for ``mapInArrow``."""

    kit: Kit

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Score batch by batch, with the function of the engine on one machine."""
        scorer, segmenter = unpacked(self.kit)
        for batch in regrouped(batches, _ROWS_PER_BATCH):
            columns = CustomerColumns.from_days(batch, scorer.purchases.time_unit_)
            yield score_batch(batch, columns, scorer, segmenter)


@dataclass(frozen=True)
class GroupPartition:
    """From the customers of a partition to what totals need of them, for ``mapInArrow``.

    Attributes
    ----------
    time_unit : {"day", "week"}
        Of the models.
    names : tuple of str
        The segments by which the customers are divided; none where they are not.
    """

    time_unit: TimeUnit
    names: tuple[str, ...]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Group batch by batch; groups that several batches have are added up elsewhere."""
        for batch in regrouped(batches, _ROWS_PER_BATCH):
            codes = np.zeros(len(batch), dtype=np.int64)
            if self.names:
                known = pa.array(self.names, pa.string())
                found = pa.compute.index_in(batch.column("segment"), known)
                codes = np.asarray(found, dtype=np.int64)
            groups = ValueGroups.of(CustomerColumns.from_days(batch, self.time_unit), codes)
            yield pa.RecordBatch.from_pydict(flat(groups), schema=GROUPS)


GROUPS = pa.schema(
    [("frequency", pa.int64()), ("recency", pa.float64()), ("T", pa.float64())]
    + [("n", pa.int64()), ("code", pa.int64())]
    + [(name, pa.float64()) for name in SUMS]
)


def flat(groups: ValueGroups) -> dict[str, object]:
    """Groups as columns by name."""
    columns = groups.columns
    return {
        "frequency": columns.frequency,
        "recency": columns.recency,
        "T": columns.age,
        "n": groups.n,
        "code": groups.codes,
        "weight": columns.weights,
        **{name: getattr(groups, name) for name in SUMS[1:]},
    }


def from_flat(table: pa.Table, time_unit: TimeUnit, *, divided: bool) -> ValueGroups:
    """Groups from the columns of `flat`."""
    held = {name: np.asarray(table.column(name)) for name in table.column_names}
    unknown = np.full(len(table), np.nan)
    columns = CustomerColumns(
        held["frequency"], held["recency"], held["T"], unknown, time_unit, weight=held["weight"]
    )
    sums = {name: held[name] for name in SUMS[1:]}
    groups = ValueGroups(columns, held["n"], **sums, codes=held["code"] if divided else None)
    return ValueGroups.merged([groups])
