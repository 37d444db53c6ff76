"""What the pages of stamps are given, one file per matter; ``desk`` is the manager's."""
