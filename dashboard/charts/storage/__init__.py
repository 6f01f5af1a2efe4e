"""Pictures of what to store: layers apart, and protections against their price."""
