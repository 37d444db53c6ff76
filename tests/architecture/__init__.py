"""What must hold for every model, every address and every statement, walked rather than listed."""
