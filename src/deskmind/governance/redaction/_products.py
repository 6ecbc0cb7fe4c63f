"""Names of products, makers and things of IT that look like names of people or places; folded words."""

from __future__ import annotations

__all__ = ["PRODUCTS"]

PRODUCTS = frozenset(
    """
    acrobat active adobe airtable airwatch alation amazon anaconda android ansible apache apple arcgis arista aruba asana atlassian
    autocad autodesk avaya aws azure bamboo barracuda bitbucket bitdefender bitlocker blackberry bloomberg bluejeans bomgar box brother
    cadence canon canva carbon cerner checkpoint chrome chromebook cisco citrix cloudflare cognos confluence copilot coupa crowdstrike cyberark
    datadog dell docker docusign dropbox duo dynamics dynatrace edge elastic entra epic epson ericsson eset evernote excel exchange
    fiddler figma firefox fortinet forticlient freshservice fujitsu github gitlab gmail google grafana greenplum hadoop
    honeywell hubspot hyperion ibm informatica intune ios ipad iphone ivanti jabber jamf java jenkins jira juniper
    kaspersky kerberos kibana kronos kubernetes kyocera lastpass lenovo lexmark linkedin linux logitech lotus lync mac macbook
    macos mcafee meraki microsoft mimecast minitab mongodb mysql navision netapp netskope netsuite nexus nginx notepad notion nutanix
    nvidia okta onedrive onenote oracle outlook pagerduty palo paloalto pandas peoplesoft photoshop plantronics poly polycom postgres postgresql
    power powerpoint powershell primavera project proofpoint publisher pulse putty qlik qualys quickbooks rapid redhat relativity remedy
    ricoh ringcentral safari sage salesforce samsung sap sccm sentinel sentinelone servicenow sharepoint siemens skype slack snagit
    snowflake solarwinds solidworks sophos splunk spotfire sql stata successfactors surface suse symantec synology tableau tanium
    teams teamviewer tenable terraform toad toshiba trello ubuntu unix veeam verizon veritas visio visual vmware vodafone vscode watchguard
    webex whatsapp windows winscp wireshark word workday xerox yammer yubikey zebra zendesk zoom zscaler
    gecko mozilla webkit msg bellow bot jabra poly sennheiser wacom keybeacon kernel daemon cron
    wifi lan wan vpn dns dhcp ldap mfa sso rdp ssh ssl tls usb hdmi bios cpu gpu ram ssd hdd ups voip erp crm hris
    helpdesk servicedesk citrix receiver defender hyper docusign thinkpad latitude elitebook probook laserjet officejet deskjet bravia
    optiplex precision inspiron vostro ideapad thinkcentre macbook imac airpods airdrop magsafe galaxy pixel xperia ipados
    """.split()
)
