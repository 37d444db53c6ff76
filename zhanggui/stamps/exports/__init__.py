"""Lists of stamps as spreadsheets."""
