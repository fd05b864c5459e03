"""How parameters are learned, for any kernel: nothing here knows a model by name."""
