"""What is measured of a mystery: words.py, of a layer's words; pixels.py, of the pictures."""
