"""Tests of the launcher; they run real servers in temporary folders."""
