"""Pictures of what each hardening gives and costs: arrows of studies, networks on one plane."""
