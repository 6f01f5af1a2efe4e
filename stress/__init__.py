"""The real server under crowds, crashes and hostile files: ``python -m stress soak | chaos | fuzz``."""
