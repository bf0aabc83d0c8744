"""Healers, one a file: they propose and reach no sink."""
