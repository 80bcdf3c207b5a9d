"""What the scorer measures: pure functions from activity and audio to figures."""
