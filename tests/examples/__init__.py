"""The examples in other languages, tried against the real publisher and the published vectors."""
