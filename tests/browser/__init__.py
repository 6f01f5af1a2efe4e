"""Pages in a real browser. A package, so that its Chromium ends with its last test and not with the last of all."""
