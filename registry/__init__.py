"""The core of the registry: words, rules and adapters; it knows neither web nor sync."""
