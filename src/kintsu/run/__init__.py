"""The use cases, one function each. Every front end calls these."""
