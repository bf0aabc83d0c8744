"""Mergeable summaries of one column, one file each; the contract is `core.contracts.Summary`."""
