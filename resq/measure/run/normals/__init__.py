"""Whether images would be right more often if they were normalised in another usual way."""
