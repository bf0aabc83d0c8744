"""Rules about tables: their language, their evaluation and their discovery."""
