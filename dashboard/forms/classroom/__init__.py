"""The two sides of a room: teacher.py, on the projector, and learner.py, on everybody's own screen."""
