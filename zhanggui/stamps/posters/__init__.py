"""Printed posters: what stands where, as PDF to print and as SVG to look at."""
