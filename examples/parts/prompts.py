"""Templates and the context window without a database. Needs nothing but the core.

Run it: python examples/parts/prompts.py
"""

from __future__ import annotations

import asyncio

from deskmind.errors import PromptSyntaxError, PromptVariableError
from deskmind.prompts import ContextWindow, Message, NumberedPassage, PromptTemplate, Variable

ANSWER = PromptTemplate(
    "short-answer",
    messages=[
        ("system", "Answer in {{ sentences }} sentences. Cite passages by number."),
        ("user", "{% for p in passages %}\n[{{ p.number }}] {{ p.text }}\n{% endfor %}\n{{ question }}"),
    ],
    variables={
        "question": Variable(max_chars=2000),
        "passages": Variable("list"),
        "sentences": Variable("integer", required=False, default=2),
    },
)


def templates() -> None:
    messages = ANSWER.render(
        question="Why does {{ this }} fail?", passages=[{"number": 1, "text": "Restart the client."}]
    )
    print(messages[1].content)
    try:
        ANSWER.render(question=42, passages=[])
    except PromptVariableError as error:
        print("refused:", error)
    try:
        PromptTemplate("nosy", [("user", "first line\n{{ question.__class__ }}")], {"question": Variable()})
    except PromptSyntaxError as error:
        print("refused:", error)


async def window() -> None:
    turns = [Message("user" if n % 2 == 0 else "assistant", f"Turn {n}: " + "word " * 30) for n in range(12)]
    passages = [NumberedPassage(n, "A passage about the VPN. " * 8, score=1 / n) for n in range(1, 6)]
    fitted = await ContextWindow(1000, reply=200).fit(
        "Why does the VPN fail?", system="Be brief.", passages=passages, history=turns
    )
    print("kept passages:", [passage.number for passage in fitted.passages])
    print(fitted.decision.explain())


if __name__ == "__main__":
    templates()
    asyncio.run(window())
