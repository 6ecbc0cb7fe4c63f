"""What HTTP offers beside the resources: safe defaults, conditions, time limits, repeating without doing twice."""
