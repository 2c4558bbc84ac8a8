"""Call lists: read in whatever form they come, a block of lines at a time, and written back with answers."""
