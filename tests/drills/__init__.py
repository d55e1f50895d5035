"""Drills: something goes wrong in a running sandbox, an operator sees it on the screen and mends it with a few keys.

python -m tests.drills [NAME...]        prints for each drill the seconds until it was visible and the keys to mend it
"""
