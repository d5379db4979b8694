"""What `gravel simulate` shows: tables, CSV, plots and one page of a simulated run."""
