"""Bearer tokens of an identity provider (OpenID Connect): whose keys sign them, whether one is valid, who it stands for.

Needs the extra ``api``.
"""
