"""ServiceNow: the tables of ITSM, knowledge and CMDB over the Table and Attachment interfaces."""

from deskmind.connectors.servicenow.connector import ServiceNow, ServiceNowOptions
from deskmind.connectors.servicenow.onlooker import Onlooker

__all__ = ["Onlooker", "ServiceNow", "ServiceNowOptions"]
