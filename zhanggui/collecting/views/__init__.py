"""Collecting money: back office and the payer's pages."""
