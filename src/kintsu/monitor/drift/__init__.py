"""How far two tables are apart: by column, by test and by size, and jointly."""
