"""The kinds of personal and secret data, under the names that detectors in this field use."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["EntityType"]


class EntityType(StrEnum):
    """What a piece of text is."""

    PERSON = "PERSON"
    USERNAME = "USERNAME"
    EMAIL = "EMAIL_ADDRESS"
    PHONE = "PHONE_NUMBER"
    LOCATION = "LOCATION"
    ADDRESS = "STREET_ADDRESS"
    POSTCODE = "ZIP_CODE"
    DATE_OF_BIRTH = "DATE_OF_BIRTH"
    NATIONAL_ID = "NATIONAL_ID"
    SSN = "US_SSN"
    DRIVER_LICENSE = "US_DRIVER_LICENSE"
    CARD = "CREDIT_CARD"
    IBAN = "IBAN_CODE"
    IP = "IP_ADDRESS"
    MAC = "MAC_ADDRESS"
    HOST = "HOST_NAME"
    URL = "URL"
    SECRET = "SECRET"  # noqa: S105
    PASSWORD = "PASSWORD"  # noqa: S105
    EMPLOYEE_ID = "EMPLOYEE_ID"
    ASSET = "ASSET_NUMBER"
    ORGANISATION = "ORGANIZATION"
