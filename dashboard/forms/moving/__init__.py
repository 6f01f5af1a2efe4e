"""What is chosen and told on the page of pictures that move."""
