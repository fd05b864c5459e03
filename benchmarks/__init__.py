"""Side by side with peers and floors, as ratios in one run."""
