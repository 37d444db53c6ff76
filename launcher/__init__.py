"""The ``zhanggui`` command: starts, watches and stops the programs an installation is made of.

It knows the product and the sandbox only as commands to run, so a mistake in either cannot keep
it from saying what is wrong.
"""
