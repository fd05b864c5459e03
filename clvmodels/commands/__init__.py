"""The commands, each thin over one job."""
