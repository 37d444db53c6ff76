"""What the product does per second, and what it survives: ``make bench``."""
