"""Containers taken apart as they arrive: WebM, Ogg, fragmented MP4, WAV, MP3.

FFmpeg's own demuxers wait for their input, so each talker would need a thread; and they know formats by the hundred,
which is much to offer to strangers. What browsers stream needs little of that. Each module offers ``packets(source)``,
a generator without threads, waiting or recursion.
"""
