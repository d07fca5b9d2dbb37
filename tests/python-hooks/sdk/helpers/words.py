"""A module in a package of the project."""


def divide(one, other):
    return one / other
