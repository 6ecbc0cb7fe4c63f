"""ServiceNow: the tables of ITSM, knowledge and CMDB over the Table and Attachment interfaces."""

from deskmind.connectors.servicenow.connector import ServiceNow, ServiceNowOptions

__all__ = ["ServiceNow", "ServiceNowOptions"]
