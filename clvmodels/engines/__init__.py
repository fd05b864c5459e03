"""Where the job runs: summaries go in by batches, score files come out."""
