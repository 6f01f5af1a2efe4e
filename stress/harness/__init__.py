"""What the trials share: a real server, visitors without a browser, readers, watched processes."""
