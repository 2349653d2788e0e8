"""The learning rate over a run: linear warm-up, a constant part, a cosine to its end.

May import the standard library only.
"""

import math

from engine.training.configuration import Recipe

__all__ = ["ema_decay", "learning_rate"]


def learning_rate(recipe: Recipe, step: int, decay_from: int | None, steps: int | None) -> float:
    """Return the rate at a step (from 0); without an end (`steps` is None) there is no decay yet."""
    rate = recipe.learning_rate * min(1.0, (step + 1) / max(1, recipe.warmup_steps))
    if decay_from is None or steps is None or step < decay_from:
        return rate
    share = min(1.0, (step - decay_from) / max(1, steps - decay_from))
    return rate * (recipe.final_rate + (1.0 - recipe.final_rate) * 0.5 * (1.0 + math.cos(math.pi * share)))


def ema_decay(recipe: Recipe, step: int, *, warm: bool = False) -> float:
    """Return the moving average's decay at a step: it grows from 0.1, so that fresh weights are forgotten.

    Where the run began with trained weights (`warm`) there is nothing to forget.
    """
    return recipe.ema_decay if warm else min(recipe.ema_decay, (1 + step) / (10 + step))
