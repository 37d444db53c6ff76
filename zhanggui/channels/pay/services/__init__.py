"""Every write of this channel; one public function is one business step."""
