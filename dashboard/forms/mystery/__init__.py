"""The mystery's page: what is known (desk.py), asking.py, naming.py the cause, hiding.py one."""
