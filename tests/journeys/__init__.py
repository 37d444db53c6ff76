"""What people do in a browser, from the first press to the last look."""
