"""What an account answers by itself: to following, to words, to taps and scans."""
