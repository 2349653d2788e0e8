"""The right side of the window: how a model is run, and what that will need."""
