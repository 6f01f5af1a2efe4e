"""What several acts, several people or several minutes make of a page."""
