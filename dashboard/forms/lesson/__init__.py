"""What a step of a lesson shows: predicting.py, after.py, what comes then, in a language.py."""
