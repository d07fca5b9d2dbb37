"""What componentize-py makes a component of: the exports of a hook module."""

from componentize_py_types import Err
from wit_world.exports import Functions as FunctionsProtocol
from wit_world.exports import functions

from hookd import build, calls, instance

build.prepare(__file__)


class Functions(FunctionsProtocol):
    """The interface `functions` of the contract."""

    def definitions(self):
        return [functions.Definition(name, internal) for name, internal in instance.definitions()]

    def call(self, name, params, ctx):
        answer = calls.answer(name, params, ctx)
        if isinstance(answer, str):
            return answer
        raise Err(functions.Failure(*answer))
