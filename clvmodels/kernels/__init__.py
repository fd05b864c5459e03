"""The mathematics of each model on numpy arrays: no frames, files or plots."""
