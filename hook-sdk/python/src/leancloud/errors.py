"""Errors of the service."""


class LeanCloudError(Exception):
    """The service refused a request."""

    def __init__(self, code, error):
        super().__init__(code, error)
        self.code = code
        self.error = error

    def __str__(self):
        return f"LeanCloudError: [{self.code}] {self.error}"


class LeanCloudWarning(UserWarning):
    """Something that will not work for long."""


def not_offered(what):
    """The error of everything that needs the object storage."""
    return LeanCloudError(1, f"{what} needs LeanCloud's object storage, which hookd does not have")
