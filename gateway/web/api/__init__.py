"""The HTTP API: routes with a rule each, their contract made from the handlers' types, one shape of error."""
