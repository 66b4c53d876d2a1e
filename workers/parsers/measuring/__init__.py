"""What parsers that follow objects share: tracks and what their places say, colour words, and stating it all at keyframes."""
