"""`requests.codes.ok` and its like."""

import http


class Codes:
    """Statuses by name."""

    def __getitem__(self, name):
        return getattr(self, name)


codes = Codes()
for status in http.HTTPStatus:
    setattr(codes, status.name.lower(), status.value)
    setattr(codes, status.name, status.value)
codes.okay = codes.OKAY = codes.ok
codes.server_error = codes.internal_server_error
codes.bad = codes.bad_request
codes.timeout = codes.request_timeout
codes.unavailable = codes.service_unavailable
