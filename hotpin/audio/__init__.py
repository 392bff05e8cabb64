"""Sound in and out: frames, files, the microphone's and the loudspeaker's side of the path."""
