"""Ways to fill the missing cells of a column."""
