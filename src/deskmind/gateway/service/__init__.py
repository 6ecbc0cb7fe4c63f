"""The gateway as a desk offers it: model calls, usage and budgets of one principal, each behind its permission."""

from deskmind.gateway.service.budgets import Budgets
from deskmind.gateway.service.door import Door
from deskmind.gateway.service.models import DeploymentInfo, ModelInfo, Models
from deskmind.gateway.service.room import GatewayRoom
from deskmind.gateway.service.shielding import Shielding
from deskmind.gateway.service.usage import Usage, UsageSurvey

__all__ = [
    "Budgets",
    "DeploymentInfo",
    "Door",
    "GatewayRoom",
    "ModelInfo",
    "Models",
    "Shielding",
    "Usage",
    "UsageSurvey",
]
