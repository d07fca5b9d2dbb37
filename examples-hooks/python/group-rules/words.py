"""The list of words: a service keeps it, LeanCache has a copy."""

import json
import os

import requests

from store import redis_client

COPY = "word-list"
# The service is asked again after this.
COPY_SECONDS = 300
# The sender waits meanwhile.
PATIENCE_SECONDS = 2


def unwanted_words():
    """The words, from LeanCache or else from the service. Raises without both: nothing may pass unread."""
    copy = redis_client.get(COPY)
    if copy is not None:
        return json.loads(copy)
    answer = requests.get(os.environ["WORD_LIST_URL"], timeout=PATIENCE_SECONDS)
    answer.raise_for_status()
    # The empty word is in every text.
    words = [word for word in answer.json() if isinstance(word, str) and word]
    redis_client.set(COPY, json.dumps(words), ex=COPY_SECONDS)
    return words
