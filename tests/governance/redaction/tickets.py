"""Tickets as a service desk gets them, written for these tests; ``{TYPE|value}`` marks personal data."""

from __future__ import annotations

import re

__all__ = ["TICKETS", "marked"]

_MARK = re.compile(r"\{([A-Z_]+)\|([^{}]*)\}")

TICKETS = (
    "Hi team,\n\nmy laptop won't start since this morning. Could someone call me back on {PHONE_NUMBER|+44 7700 900318}?\n\nThanks,\n{PERSON|Priya Raghunathan}",
    "VPN drops every 10 minutes when I work from {LOCATION|Lisbon}. Error TG-809. Client version 5.2.1.14, IP {IP_ADDRESS|10.44.8.21}.\nRegards, {PERSON|Tomasz}",
    "Requester: {PERSON|Hanna Lindqvist}\nPhone: {PHONE_NUMBER|08-123 456 78}\nLocation: {LOCATION|Gothenburg}, Building 4, floor 2\nDescription: docking station does not charge",
    "Please reset the password of {PERSON|Mohammed Al-Harbi} ({EMAIL_ADDRESS|m.alharbi@saltmarsh-logistics.example}). He is locked out of Outlook after three attempts.",
    "New starter {PERSON|Chloe Dubois} begins on Monday 3 February 2025. Ship her laptop to {STREET_ADDRESS|14 Rue des Lilas, 69003 Lyon}. Manager: {PERSON|Jean-Luc Moreau}.",
    "caller says the scanner in bay 7 shows error 0x80070005 after Windows update KB5034441. Asset tag {ASSET_NUMBER|SM-004512}. Called from ext. 4471.",
    "From: {PERSON|Wei Zhang} <{EMAIL_ADDRESS|wei.zhang@example.com}>\nTo: IT Service Desk\nSubject: Excel macro blocked\n\nHi, Excel blocks my macro since the June update. {PERSON|Wei}",
    "I paid the invoice with my corporate card {CREDIT_CARD|4929 1234 5678 9011}, now the portal says declined. Can finance check? {PERSON|Laura}",
    "Refund to IBAN {IBAN_CODE|DE89 3704 0044 0532 0130 00} please, account holder {PERSON|Sebastian Krüger}.",
    "HR case: {PERSON|Aoife O'Sullivan} changed her address to {STREET_ADDRESS|27 Harbour Road, Cork}. Her PPS is on file. Date of birth {DATE_OF_BIRTH|12/04/1987}.",
    "User {USERNAME|CORP\\jdoe42} cannot map drive S:. Ping to fileserver {HOST_NAME|fs-eu-03.corp.local} works ({IP_ADDRESS|192.168.14.7}). Please advise.",
    "Hello, I am {PERSON|Olumide Adeyemi} from Payroll in {LOCATION|Lagos}. My new phone number is {PHONE_NUMBER|0803 555 0142}. Please update the directory.",
    "The printer on floor 3 prints blank pages. I restarted it twice, no luck. Model HP LaserJet M507, serial {ASSET_NUMBER|CNB4K2M1Z9}. Ask {PERSON|Gary} in facilities for the key.",
    "Escalation! {PERSON|Mr. Fitzgerald} called three times today about INC0012345. He can be reached at {PHONE_NUMBER|(212) 555-0187} until 6pm.",
    "Access request for SharePoint site 'Legal Matters' for {PERSON|Ingrid Bjørnstad} and {PERSON|Lars Petter Nygård}. Approved by {PERSON|Kirsten Vang}.",
    "Social security number {US_SSN|524-71-9083} was pasted into the public channel by mistake. Please delete the message and inform {PERSON|Denise Walker}.",
    "Our site in {LOCATION|Rotterdam} lost connectivity at 14:05. Router {IP_ADDRESS|172.16.4.1} unreachable, 35 users affected. Contact on site: {PERSON|Joost van der Meer}, {PHONE_NUMBER|+31 10 555 0199}.",
    "Teams meeting with {PERSON|Yuki Tanaka} failed with error 503. Both of us use Chrome 121. Ticket was closed without a fix last week.",
    "Can you forward the mailbox of {PERSON|Rosa Delgado} to {EMAIL_ADDRESS|r.delgado.backup@example.org}? She left the company on 31 January.",
    "Password for the shared account is {PASSWORD|Harb0ur!2024}, please change it. I sent it by e-mail, sorry. {PERSON|Emma}",
    "monitor flickers, replaced the cable, same. {PERSON|svetlana ivanova}, room 2.114, dial {PHONE_NUMBER|0151 23456789} if you need anything",
    "Please grant {PERSON|Ahmed Hassan} read access to the Ledgerline reporting schema, same as {PERSON|Beatrice Conti} has. Business reason: month-end close.",
    "Dear Support,\nmy colleague {PERSON|Fatima Zahra Benali} travels to {LOCATION|Casablanca} next week and needs a loan laptop and roaming enabled for {PHONE_NUMBER|+212 661-555-014}.\nKind regards\n{PERSON|Pierre Lefèvre}",
    "API key {SECRET|sk-proj-9aXk3LmQ82vTzW51bYcR7dHf} leaked in the deployment log of build 4412. Rotate it now.",
    "Laptop stolen from a car in {LOCATION|Brussels} last night, police report 2024-11832. Employee ID {EMPLOYEE_ID|E-20817}, device {HOST_NAME|LT-BRU-0417}. Please wipe. {PERSON|Nathalie Claes}",
    "Order 4500012345 for {PERSON|Giovanni Ricci} still shows 'awaiting approval'. Cost centre 10233, total 1 299.00 EUR.",
    "assigned to {PERSON|Kwame Boateng}: user reports that Citrix session freezes when he opens the ERP client; other users on the same host are fine",
    "The guest Wi-Fi voucher code does not work for our visitor from {LOCATION|Tel Aviv}. Visitor name: {PERSON|Noa Friedman}.",
    "Follow-up: {PERSON|Dr. Anneliese Hofmann} confirmed that the fix works. We can close the incident. Thanks to {PERSON|Rahul} and {PERSON|Ewelina}!",
    "MAC {MAC_ADDRESS|3C:52:82:1F:A0:9B} keeps getting blocked by NAC on switch port Gi1/0/24. Please whitelist.",
    "Invoice portal https is fine, but {URL|https://portal.acme-suppliers.example/login?user=tkovacs} returns 403 for me. {PERSON|Tamás Kovács}",
    "Deliver the replacement monitor to {STREET_ADDRESS|350 West 42nd Street, Apt 12C, New York, NY 10036} attn {PERSON|Michael Chen}.",
    "Kindly disable the account of {PERSON|Sipho Ndlovu} effective Friday. Badge {EMPLOYEE_ID|B-77120} was returned to {PERSON|Thandi}.",
    "This is the third time I report this. The label printer prints German characters wrong. Windows 11 Enterprise, driver 8.4.2.",
    "Per my chat with {PERSON|Siobhan} in HR, please correct my last name to {PERSON|Gallagher} in Active Directory and Outlook.",
    "Server {HOST_NAME|SRV-DB-02} restarted unexpectedly at 03:12. Event ID 41, Kernel-Power. No changes in the calendar. Oncall was {PERSON|Dmitri Volkov}.",
    "Unable to enrol in Keybeacon on my new iPhone 15. Old phone was wiped. My manager {PERSON|Charlotte Van Damme} can confirm my identity.",
    "Customer {PERSON|Esther Wanjiru} in {LOCATION|Nairobi} cannot open Berthbook. Browser: Firefox. She uses {EMAIL_ADDRESS|esther.wanjiru@kilindini-freight.example}.",
    "Backup job FAILED on node 4, volume /srv/data is full (98%). Please extend by 200 GB. Change CHG0030211 approved.",
    "hi, pls call {PERSON|maria gonzalez} at {PHONE_NUMBER|555-0172} about her keyboard, thx",
)


def marked(ticket: str) -> tuple[str, tuple[tuple[int, int, str], ...]]:
    """A ticket without its marks, and the spans they marked."""
    text, end = "", 0
    spans: list[tuple[int, int, str]] = []
    for mark in _MARK.finditer(ticket):
        text += ticket[end : mark.start()]
        spans.append((len(text), len(text) + len(mark[2]), mark[1]))
        text += mark[2]
        end = mark.end()
    return text + ticket[end:], tuple(spans)
