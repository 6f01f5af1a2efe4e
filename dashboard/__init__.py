"""The face of RESQ Lab: pages that show what `resq` computes. Nothing in `resq` imports it."""
