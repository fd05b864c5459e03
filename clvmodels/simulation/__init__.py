"""Logs with known truth: a made-up shop from the models, and whatever real logs do to them."""
