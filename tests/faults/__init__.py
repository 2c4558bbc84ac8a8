"""Faults that are caused to the real programs, and what must hold afterwards: nothing lost, nothing twice."""
