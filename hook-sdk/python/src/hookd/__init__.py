"""What stands between the engine and the Python of a hook project. Nothing here is for hook authors."""
