"""Who the customers are: predictive segments, how sure and stable they are, and the evidence."""

from clvmodels.config.segments import SegmentRules
from clvmodels.segments.learn import learn_segments
from clvmodels.segments.result import Segments, segment
from clvmodels.segments.segmenter import Segmenter
from clvmodels.segments.table import segment_table, write_segments_csv

__all__ = [
    "SegmentRules",
    "Segmenter",
    "Segments",
    "learn_segments",
    "segment",
    "segment_table",
    "write_segments_csv",
]
