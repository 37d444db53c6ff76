"""Every write of sign-in, by subject: pictures, codes, factors, passkeys, the way in."""
