"""Tests of the whole: architecture, races, journeys, and the plugins every test runs with."""
