"""How state machines run whose steps are slow: what they find is printed at once, and can be run again.

Hypothesis would look for a smaller example for up to five minutes, in which a test's time limit kills it before it has printed
anything. So it does not look: a failure shows the steps that led to it and a line `@reproduce_failure(…)` that repeats them.
"""

from hypothesis import HealthCheck, Phase, settings

UNSHRUNK = tuple(phase for phase in Phase if phase not in {Phase.shrink, Phase.explain})


def stateful(*, examples: int, steps: int) -> settings:
    """Settings for a state machine: so many runs of at most so many steps."""
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, phases=UNSHRUNK, print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
