"""Measuring: correct answers of a model, clean, faulty and attacked; rows of counts, and their statistics."""
