"""What functions see of their caller, under the vendor's module name."""

from leancloud.engine import Current, current

__all__ = ["Current", "current"]
