"""Operations on video: merge, concat, cut, fit, overlay, transcode, and the graphs that they run as."""
