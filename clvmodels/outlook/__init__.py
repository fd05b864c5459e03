"""What leaders ask of a base: the months ahead, cohorts, payback, and what changed."""
