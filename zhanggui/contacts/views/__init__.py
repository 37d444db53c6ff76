"""Pages about customers, one file per subject."""
