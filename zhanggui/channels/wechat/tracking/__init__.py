"""QR codes with a purpose: making them, what a scan does, who scanned, printing them."""
