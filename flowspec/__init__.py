"""What a pipeline is: runs, ring items, readiness, stages, definitions, plans and progress. Pure functions and data."""
