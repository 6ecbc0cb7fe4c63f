"""Requests that are accepted as they stand where what they are about is there; for bodies whose schema does not make one."""

from __future__ import annotations

from typing import Any

__all__ = ["BODIES"]

_TICKETS = [
    {"reference": "INC0012001", "text": "vpn tunnel drops", "created_at": "2026-03-02T09:30:00Z"},
    {"reference": "INC0012004", "text": "vpn tunnel drops again", "created_at": "2026-03-02T09:41:00Z"},
]
_PROMPT = {
    "name": "greeting",
    "description": "for people",
    "variables": {"who": {"type": "string"}},
    "messages": [{"role": "user", "content": "Greet {{ who }}."}],
}
_CASE = {
    "name": "says hello",
    "prompt": "Say hello.",
    "script": [{"text": "Hello."}],
    "expect": {"output": "Hello."},
}

BODIES: dict[str, Any] = {
    "addConnector": {
        "name": "itsm",
        "vendor": "servicenow",
        "url": "https://acme.service-now.com",
        "credentials": {"username": "deskmind", "password": "…"},
        "every_seconds": 900,
    },
    "addDocument": {
        "name": "vpn.md",
        "text": "# VPN token\n\nThe token is reset in the portal.",
        "groups": [],
    },
    "addMemory": {"text": "My printer is HP-22.", "subject": "my printer"},
    "addRedactionNames": {"names": ["Ann-Marie de Vries"], "type": "PERSON", "source": "by-hand"},
    "addSchedule": {
        "name": "handover",
        "workflow": "shift-handover",
        "input": {"connection": "now"},
        "cron": "0 6 * * *",
        "zone": "Europe/London",
    },
    "addUser": {"name": "cleo", "display_name": "Cleo Park", "groups": ["hr"]},
    "appendTurns": {"turns": [{"role": "user", "content": "And for contractors?"}]},
    "approve": {"answer": "The blue one."},
    "ask": {"question": "How do I reset my VPN token?"},
    "changeWebhook": {"types": ["run.*"], "description": "for chat"},
    "correctMemory": {"text": "My printer is HP-40.", "pinned": True},
    "createChatCompletion": {
        "model": "fast",
        "messages": [{"role": "user", "content": "How do I reset my VPN token?"}],
    },
    "createKey": {"user": "ann", "name": "chat", "expires_at": "2100-01-01T00:00:00Z"},
    "createTenant": {"slug": "acme", "name": "Acme Ltd", "owner": "ann"},
    "createConversation": {"title": "VPN", "turns": [{"role": "user", "content": "My token is lost."}]},
    "defineAgent": {
        "agent": {"name": "greeter", "instructions": "Greet whoever asks.", "model": "fast"},
        "note": "first",
    },
    "defineRole": {"permissions": ["audit:read", "budgets:*"], "description": "reads the books"},
    "editApproval": {"values": {"text": "The token was reset."}, "reason": "clearer"},
    "erasePerson": {"subject": "ann", "also": ["ann@example.com"], "owned": "redact", "dry_run": True},
    "exportPerson": {"subject": "ann", "also": ["ann@example.com"]},
    "findDuplicateTickets": {"tickets": _TICKETS, "least": 0.6},
    "findSimilarTickets": {"text": "vpn tunnel drops", "limit": 5},
    "findTicketClusters": {"tickets": _TICKETS, "least": 2, "window_minutes": 120},
    "forkRun": {"step": 1},
    "forgetAuditPerson": {"person": "ann"},
    "forgetRedactionNames": {"names": ["Ann-Marie de Vries"], "source": "by-hand"},
    "giveFeedback": {"request_id": "0b9f6a52e4c34d7e8a1f5c2d9e7b6a41", "rating": "up"},
    "grantRole": {"role": "technician", "user": "ann", "until": "2100-01-01T00:00:00Z", "reason": "year end"},
    "makeEvidence": {"about": "soc2", "since": "2026-01-01T00:00:00Z"},
    "movePromptLabel": {"version": 1},
    "placeHold": {"subject": "ann", "reason": "case 7"},
    "predictTriage": {"texts": ["vpn tunnel drops since this morning"]},
    "proposeWrite": {"act": "create", "values": {"title": "The VPN tunnel drops"}},
    "publishAgent": {"label": "production"},
    "readmitPerson": {"subject": "ann", "also": ["ann@example.com"]},
    "recallMemories": {"question": "Which printer is mine?", "tokens": 200},
    "redactTexts": {"texts": ["Mail ann@example.com about INC0012001."]},
    "reject": {"reason": "It is another ticket."},
    "renameConversation": {"title": "VPN token"},
    "renderPrompt": {"values": {"who": "Ann"}},
    "resolveWrite": {"written": True},
    "runAgent": {"prompt": "Say hello."},
    "savePrompt": {"prompt": _PROMPT, "note": "first", "label": "production"},
    "search": {"query": "reset VPN token", "limit": 10},
    "setBudget": {"window": "day", "usd": "100", "per": ["user"]},
    "setUserGroups": {"groups": ["hr"]},
    "addWebhook": {"url": "https://hooks.example.com/deskmind", "types": ["*"], "description": "for chat"},
    "verifyAudit": {"keys": [], "checkpoints": []},
    "setPolicy": {
        "text": 'forbid (principal == Deskmind::User::"guest", action in Deskmind::Action::"documents:*", resource);'
    },
    "setRedactionAction": {"action": "mask"},
    "setRedactionPattern": {"regex": "EMP-[0-9]{6}", "type": "EMPLOYEE_ID", "score": 0.9},
    "startAgentRun": {"prompt": "Say hello.", "instructions": "Greet whoever asks.", "model": "fast"},
    "startExperiment": {
        "name": "brief-answers",
        "prompt": "answer",
        "variants": [
            {"name": "control", "version": 0, "weight": 1},
            {"name": "brief", "version": 1, "weight": 1},
        ],
    },
    "startWorkflow": {"input": {"connection": "now"}},
    "stopTool": {"reason": "It is looked into."},
    "testAgent": {"cases": [_CASE]},
    "testDeployments": {"models": []},
    "trainTriage": {"embed": False},
    "verifyReceipt": {"receipt": '{"statement": {"kind": "deskmind.privacy.erasure"}}'},
    "weighExperiment": {"weights": {"brief": 3}},
}
