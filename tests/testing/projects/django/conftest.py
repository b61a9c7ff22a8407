"""The client of all tests; pytest-django has one of this name."""

import os

import django
import pytest
from django.test import Client

os.environ["DJANGO_SETTINGS_MODULE"] = "project"
django.setup()


@pytest.fixture
def client():
    return Client()
