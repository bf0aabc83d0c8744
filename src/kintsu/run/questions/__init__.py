"""What `ask`, `answer`, `teach` and `label` share: what a run left open, and the file it can still be changed in."""
