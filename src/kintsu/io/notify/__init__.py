"""Where notices go: one notifier a file."""
