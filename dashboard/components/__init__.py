"""Parts that pages share: their frame, a figure in its box, the status of a job, an upload."""
