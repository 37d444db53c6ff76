"""Pages of the platform and of operators: counts and states of merchants, never their customers."""
