"""LeanCache, for all files."""

import os

import redis

redis_client = redis.from_url(os.environ.get("REDIS_URL_cache"), decode_responses=True)
