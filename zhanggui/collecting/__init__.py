"""收款: a shop asks for an amount by a link or a QR code; customers pay through WeChat Pay."""
