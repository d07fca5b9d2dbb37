"""The refusal of a function."""

# Codes that are also statuses, as the HTTP library of the vendor's package knows them.
HTTP_STATUSES = frozenset(
    [100, 101, 102, 200, 201, 202, 203, 204, 205, 206, 207, 226, 300, 301, 302, 303, 304, 305, 307, 308]
    + [400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424]
    + [426, 428, 429, 431, 449, 451, 500, 501, 502, 503, 504, 505, 507, 510]
)


class LeanEngineError(Exception):
    """`LeanEngineError("text")`, `LeanEngineError(code, "text")`, or all three by name."""

    def __init__(self, code=None, message="error", status=None):
        if isinstance(code, str):
            code, message = 400, code
        elif code is None:
            code = 400 if status is None else 1
        super().__init__(message)
        if status is None:
            status = code if code in HTTP_STATUSES else 400
        self.code = code
        self.message = message
        self.status = status
