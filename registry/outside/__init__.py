"""Everything that leaves the process: text messages, files, HTTP, the system clock."""
