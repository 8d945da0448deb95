"""Whether a figure grows over time: a straight line through its samples, and a ceiling."""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Bound:
    """How far a figure may grow between the first and the last sample, by the line through them: `share` of where the
    line begins, or `floor` if that is more. No sample may pass `ceiling`."""
    floor: float
    share: float
    ceiling: float


def line(times, values):
    """(value at the first time, value at the last) of the line of least squares."""
    slope, at_zero = statistics.linear_regression(times, values)
    return at_zero + slope * times[0], at_zero + slope * times[-1]


def verdict(times, values, bound):
    """(whether it holds, the line's begin and end, how far it may grow)."""
    begin, end = line(times, values)
    allowed = max(bound.floor, bound.share * abs(begin))
    return end - begin <= allowed and max(values) <= bound.ceiling, begin, end, allowed
