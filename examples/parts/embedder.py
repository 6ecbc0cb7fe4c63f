"""The embedder alone: texts to unit vectors. Needs the extra ``local`` for the model, nothing for the double.

Run it: python examples/parts/embedder.py
"""

from __future__ import annotations

import asyncio

from deskmind.knowledge.embedding import Embedder, HashingEmbedder, LocalEmbedder
from deskmind.settings import load_settings

TEXTS = ["Reset the VPN token in the portal.", "The canteen opens at noon."]


def chosen() -> Embedder:
    settings = load_settings()
    if settings.knowledge.embedder == "local":
        return LocalEmbedder.load(settings.models_folder)
    return HashingEmbedder()


async def main() -> None:
    embedder = chosen()
    try:
        documents = await embedder.embed_documents(TEXTS)  # [n, dimensions] float32, each of length 1
        query = await embedder.embed_query("reset my VPN token")
        print(f"{embedder.space.model}: {embedder.space.dimensions} dimensions")
        for text, similarity in zip(TEXTS, documents @ query, strict=True):
            print(f"{similarity:.2f} {text}")
    finally:
        await embedder.close()


if __name__ == "__main__":
    asyncio.run(main())
