"""What to expect of the next batch: how many rows, and by when. The way in is `model.VolumeModel`."""
