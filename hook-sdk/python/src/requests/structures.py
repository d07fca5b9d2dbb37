"""Headers by name, in letters of any case."""

from collections.abc import MutableMapping


class CaseInsensitiveDict(MutableMapping):
    """Keeps the letters of the last setting."""

    def __init__(self, data=None, **more):
        self._values = {}
        self.update({} if data is None else data, **more)

    def __setitem__(self, key, value):
        self._values[key.lower()] = (key, value)

    def __getitem__(self, key):
        return self._values[key.lower()][1]

    def __delitem__(self, key):
        del self._values[key.lower()]

    def __iter__(self):
        return (key for key, _ in self._values.values())

    def __len__(self):
        return len(self._values)

    def copy(self):
        return CaseInsensitiveDict(self)

    def __repr__(self):
        return str(dict(self.items()))
