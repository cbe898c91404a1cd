"""A product catalogue on the Kailash SDK: models, governed nodes and two workflows."""
