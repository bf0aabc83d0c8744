"""What single values say about themselves and their column: null tokens, numbers, units, patterns, edits."""
