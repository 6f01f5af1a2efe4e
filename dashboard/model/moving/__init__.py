"""Pictures that move among a network's last features: values, no widgets and no drawings."""
