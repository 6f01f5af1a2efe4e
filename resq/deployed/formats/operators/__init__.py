"""What operators read and make: which of their inputs hold what. No file is read here."""
