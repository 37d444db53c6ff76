"""What the test suite brings along: database, shut network, spec rows, browser, live product."""
