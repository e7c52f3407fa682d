"""Clients, an embedded model server and a hash index; never imports `zoo`."""
