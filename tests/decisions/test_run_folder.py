"""What is read from a run's score files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clvmodels.decisions.run_folder import score_files, summing_database


def test_sums_of_many_scores_are_the_same_to_the_last_digit(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for part in range(6):
        scores = pa.table({"segment": rng.choice(["a", "b"], 200_000), "clv": rng.random(200_000)})
        pq.write_table(scores, tmp_path / f"part-{part}.parquet", row_group_size=20_000)
    query = (
        f"SELECT segment, sum(clv), avg(clv) FROM read_parquet({score_files(tmp_path)}) "
        "GROUP BY segment ORDER BY segment"
    )
    found = {tuple(summing_database(None).run(query)) for _ in range(8)}
    assert len(found) == 1
