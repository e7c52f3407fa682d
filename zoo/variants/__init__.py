"""One family of autoencoders per module; every module here registers its own."""
