"""What the service keeps beside the histories: keys, the trail of writes, uploads, jobs and events."""
