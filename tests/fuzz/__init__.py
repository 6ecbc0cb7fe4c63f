"""The service under generated requests: ``make fuzz`` holds it against its own OpenAPI document, with Schemathesis."""
