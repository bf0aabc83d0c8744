"""Rules found in the data, one file per kind; each ranks what it finds and reports only what is strong."""
