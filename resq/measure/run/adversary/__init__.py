"""What somebody who attacks a checkpoint reaches, measured: flips that were searched, checks of an attack."""
