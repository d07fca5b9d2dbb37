import os

from leancloud import Engine

engine = Engine()

NOWHERE = os.environ["NOWHERE"]


@engine.define
def hello(**params):
    return NOWHERE
