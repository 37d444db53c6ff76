"""Pages of stamps, one file per audience."""
