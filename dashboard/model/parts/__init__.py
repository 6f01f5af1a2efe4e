"""What a lesson's step may have beside its view: reflection.py, scale.py (a number), challenge.py."""
