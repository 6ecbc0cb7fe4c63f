"""Limits on requests: how many in a time, and how many at once.

``Limiter`` counts requests by tenant, user and key; exactly across processes where they share a Valkey or Redis server, else
in this process. ``Admission`` bounds how many are under way and turns away the less urgent first.
"""
