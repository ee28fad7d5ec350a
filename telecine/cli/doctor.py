"""`telecine doctor`: what works here, what doesn't, and what to do about it."""
