"""What reading words costs in time: pass_time measures it, times reads what was measured."""
