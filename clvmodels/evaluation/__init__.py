"""Is it true? Held-out checks, in-sample checks, and when not to believe a fit."""
