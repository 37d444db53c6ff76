"""Which stamp was laid on a screen: five touch points against patterns; no Django, no database.

Source: stamps specification 7.2-7.6.
"""
