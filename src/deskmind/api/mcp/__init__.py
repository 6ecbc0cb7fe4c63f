"""The Model Context Protocol: a desk's operations as tools, its documents as resources, its prompts as prompts.

``endpoint`` serves it at ``/mcp`` of the HTTP service, ``stdio`` on a process's standard streams. Both ask for a desk anew at
every message, so that permissions are those of the moment, and both refuse what the desk refuses. Needs the extras ``api``
and ``mcp``.
"""
