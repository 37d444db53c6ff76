"""What stamps tell the registries of lower modules, set up once at start from ``apps.py``."""
